//go:build !noasm

package kernel

//go:generate go run ./gen/winograd -out winograd_asm_amd64.s -stubs winograd_asm_amd64.go -pkg kernel

var winogradLoops = winogradFuncs{
	input:    winogradInputAVX2,
	output:   winogradOutputAVX2,
	gradient: winogradGradientAVX2,
}
