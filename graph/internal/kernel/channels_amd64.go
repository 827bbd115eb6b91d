//go:build !noasm

package kernel

//go:generate go run ./gen/channels -out channels_asm_amd64.s -stubs channels_asm_amd64.go -pkg kernel

var channelLoops = channelFuncs{
	largest:  channelLargestAVX2,
	spread:   channelSpreadAVX2,
	sums:     channelSumsAVX2,
	squares:  channelSquaresAVX2,
	dots:     channelDotsAVX2,
	normGrad: channelNormGradAVX2,

	addPatches: channelAddPatchesAVX2,

	tapsForward: channelTapsForwardAVX2,
	tapsFilter:  channelTapsFilterAVX2,
	tapsInput:   channelTapsInputAVX2,

	winogradInput:    winogradInputAVX2,
	winogradOutput:   winogradOutputAVX2,
	winogradGradient: winogradGradientAVX2,
}
