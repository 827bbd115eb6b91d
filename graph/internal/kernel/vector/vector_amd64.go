//go:build !noasm

package vector

//go:generate go run ../gen/vector -out vector_asm_amd64.s -stubs vector_asm_amd64.go -pkg vector

// The loops are in AVX2, for the tier AVX-512 too.
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

	tanh:      curveFuncs{tanhAVX2, tanhGradAVX2},
	sigmoid:   curveFuncs{sigmoidAVX2, sigmoidGradAVX2},
	silu:      curveFuncs{siluAVX2, siluGradAVX2},
	gelu:      curveFuncs{geluAVX2, geluGradAVX2},
	elu:       curveFuncs{eluAVX2, eluGradAVX2},
	leakyReLU: curveFuncs{leakyReLUAVX2, leakyReLUGradAVX2},

	hardSwish:   curveFuncs{hardSwishAVX2, hardSwishGradAVX2},
	hardSigmoid: curveFuncs{hardSigmoidAVX2, hardSigmoidGradAVX2},
	limit:       curveFuncs{limitAVX2, limitGradAVX2},

	exp:        curveFuncs{expAVX2, expGradAVX2},
	erf:        curveFuncs{erfAVX2, erfGradAVX2},
	sqrt:       curveFuncs{sqrtAVX2, sqrtGradAVX2},
	reciprocal: curveFuncs{reciprocalAVX2, reciprocalGradAVX2},
	square:     curveFuncs{squareAVX2, squareGradAVX2},
	pow:        curveFuncs{powAVX2, powGradAVX2},

	maxPairs:     maxPairsAVX2,
	avgPairs:     avgPairsAVX2,
	avgPairsGrad: avgPairsGradAVX2,
}
