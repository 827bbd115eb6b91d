//go:build !noasm

package kernel

//go:generate go run ./gen/vector -out vector_asm_amd64.s -stubs vector_asm_amd64.go -pkg kernel

var vectors = vectorFuncs{
	relu:      reluAVX2,
	reluGrad:  reluGradAVX2,
	add:       addAVX2,
	addScalar: addScalarAVX2,
	average:   averageAVX2,
	sgd:       sgdAVX2,
	momentum:  momentumAVX2,
	nesterov:  nesterovAVX2,
	normalise: normaliseAVX2,
	adam:      adamAVX2,
	lion:      lionAVX2,
}
