//go:build !noasm

package vector

import "tapenet/graph/internal/kernel/cpu"

//go:generate go run -C ../gen ./vector -out ../vector/vector_asm_amd64.s -stubs ../vector/vector_asm_amd64.go -pkg vector

// vectors are the loops of amd64. A loop that is here by one name is AVX2 and runs
// on the tier AVX-512 too: such loops go over whole tensors, where memory sets the
// pace. The others have a version for each tier; gen/vector writes both from one
// text.
var vectors = vectorFuncs{
	relu:      reluAVX2,
	reluGrad:  reluGradAVX2,
	add:       addAVX2,
	addScalar: addScalarAVX2,
	average:   averageAVX2,
	sgd:       sgdAVX2,
	momentum:  momentumAVX2,
	nesterov:  nesterovAVX2,
	rms:       rmsAVX2,
	adam:      adamAVX2,
	lion:      lionAVX2,

	deviations: deviationsAVX2,
	normalise:  normaliseAVX2,
	normSums:   normSumsAVX2,
	normGrad:   normGradAVX2,

	tanh:      onBoth(tanhAVX2, tanhGradAVX2, tanhAVX512, tanhGradAVX512),
	sigmoid:   onBoth(sigmoidAVX2, sigmoidGradAVX2, sigmoidAVX512, sigmoidGradAVX512),
	silu:      onBoth(siluAVX2, siluGradAVX2, siluAVX512, siluGradAVX512),
	gelu:      onBoth(geluAVX2, geluGradAVX2, geluAVX512, geluGradAVX512),
	elu:       onBoth(eluAVX2, eluGradAVX2, eluAVX512, eluGradAVX512),
	leakyReLU: onBoth(leakyReLUAVX2, leakyReLUGradAVX2, leakyReLUAVX512, leakyReLUGradAVX512),

	hardSwish:   onBoth(hardSwishAVX2, hardSwishGradAVX2, hardSwishAVX512, hardSwishGradAVX512),
	hardSigmoid: onBoth(hardSigmoidAVX2, hardSigmoidGradAVX2, hardSigmoidAVX512, hardSigmoidGradAVX512),
	limit:       onBoth(limitAVX2, limitGradAVX2, limitAVX512, limitGradAVX512),

	exp:        onBoth(expAVX2, expGradAVX2, expAVX512, expGradAVX512),
	erf:        onBoth(erfAVX2, erfGradAVX2, erfAVX512, erfGradAVX512),
	sqrt:       onBoth(sqrtAVX2, sqrtGradAVX2, sqrtAVX512, sqrtGradAVX512),
	reciprocal: onBoth(reciprocalAVX2, reciprocalGradAVX2, reciprocalAVX512, reciprocalGradAVX512),
	square:     onBoth(squareAVX2, squareGradAVX2, squareAVX512, squareGradAVX512),
	pow:        onBoth(powAVX2, powGradAVX2, powAVX512, powGradAVX512),

	softMax:     widths(softMaxAVX2, softMaxAVX512),
	softMaxGrad: widths(softMaxGradAVX2, softMaxGradAVX512),

	normRows:     widths(normRowsAVX2, normRowsAVX512),
	normRowsGrad: widths(normRowsGradAVX2, normRowsGradAVX512),
	addNormed:    widths(addNormedAVX2, addNormedAVX512),

	tanhBack: widths(tanhBackAVX2, tanhBackAVX512),
	scale:    widths(scaleAVX2, scaleAVX512),
	addTo:    widths(addToAVX2, addToAVX512),

	reluCentre:       widths(reluCentreAVX2, reluCentreAVX512),
	reluRadius:       widths(reluRadiusAVX2, reluRadiusAVX512),
	reluIntervalGrad: widths(reluIntervalGradAVX2, reluIntervalGradAVX512),

	scaleBy:     widths(scaleByAVX2, scaleByAVX512),
	shiftBy:     widths(shiftByAVX2, shiftByAVX512),
	addProducts: widths(addProductsAVX2, addProductsAVX512),

	maxPairs:     maxPairsAVX2,
	avgPairs:     avgPairsAVX2,
	avgPairsGrad: avgPairsGradAVX2,
}

// widths returns a loop in its versions with vectors of eight and of sixteen, which
// give the same bits.
func widths[F any](eight, sixteen F) loops[F] {
	return loops[F]{cpu.TierAVX2: eight, cpu.TierAVX512: sixteen}
}

// onBoth returns the loops of a curve and of its gradient, with vectors of eight and
// of sixteen.
func onBoth(f8 curveForward, df8 curveBackward, f16 curveForward, df16 curveBackward) curveTiers {
	return widths(curveFuncs{f8, df8}, curveFuncs{f16, df16})
}
