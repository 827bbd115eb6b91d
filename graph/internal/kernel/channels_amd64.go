//go:build !noasm

package kernel

//go:generate go run ./gen/channels -out channels_asm_amd64.s -stubs channels_asm_amd64.go -pkg kernel

var channelLoops = channelFuncs{
	largest:  channelLargestAVX2,
	highest:  channelHighestAVX2,
	spread:   channelSpreadAVX2,
	sums:     channelSumsAVX2,
	squares:  channelSquaresAVX2,
	dots:     channelDotsAVX2,
	normGrad: channelNormGradAVX2,

	addPatches: channelAddPatchesAVX2,

	tapsForward: channelTapsForwardAVX2,
	tapsFilter:  channelTapsFilterAVX2,
	tapsInput:   channelTapsInputAVX2,

	winograd: winogradLoops{
		image:  [...]tileLoop{4: winogradImage4AVX2, 6: winogradImage6AVX2},
		spread: [...]tileLoop{4: winogradSpread4AVX2, 6: winogradSpread6AVX2},
		evaluate: [...][maxSide]tileLoop{
			4: {2: winogradEvaluate42AVX2, winogradEvaluate43AVX2},
			6: {2: winogradEvaluate62AVX2, winogradEvaluate63AVX2, winogradEvaluate64AVX2, winogradEvaluate65AVX2},
		},
		combine: [...][maxSide]pixelLoop{
			4: {2: winogradCombine42AVX2, winogradCombine43AVX2},
			6: {2: winogradCombine62AVX2, winogradCombine63AVX2, winogradCombine64AVX2, winogradCombine65AVX2},
		},
	},
}
