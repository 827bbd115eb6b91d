//go:build !noasm

package pixel

//go:generate go run ../gen/pixel -out pixel_asm_amd64.s -stubs pixel_asm_amd64.go -pkg pixel

// The loops are in AVX2, for the tier AVX-512 too.
var loops = loopFuncs{
	largest:  largestAVX2,
	highest:  highestAVX2,
	spread:   spreadAVX2,
	sums:     sumsAVX2,
	squares:  squaresAVX2,
	dots:     dotsAVX2,
	normGrad: normGradAVX2,

	addPatches: addPatchesAVX2,

	tapsForward: tapsForwardAVX2,
	tapsFilter:  tapsFilterAVX2,
	tapsInput:   tapsInputAVX2,

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
