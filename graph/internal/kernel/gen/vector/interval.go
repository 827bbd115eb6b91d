package main

import "tapenet/graph/internal/kernel/gen/asm"

// intervals generates what a ReLU makes of an interval with centre c and radius r, see
// package kernel. The plain loops give the same bits, and the same NaN.
func intervals() {
	defer func() { lanes = 8 }()
	for _, lanes = range []int{8, 16} {
		reluCentre()
		reluRadius()
		reluIntervalGrad()
	}
}

// middle returns ½·(c+r), which is NaN where one of them is.
func middle(c, r vec) vec { return times(plus(c, r), constant(0.5)) }

func reluCentre() {
	begin("reluCentre", "func(y, c, r []float32)",
		"\tfor i := range y {", "\t\ty[i] = max((c[i]+r[i])/2, c[i], 0)", "\t}")
	y, c, r := slice("y"), slice("c"), slice("r")
	elements("y", func(at part) {
		v := at.get(c)
		at.put(atLeast(largerOf(middle(v, at.get(r)), v), 0), y)
	})
}

func reluRadius() {
	begin("reluRadius", "func(y, c, r []float32)",
		"\tfor i := range y {", "\t\ty[i] = max(min((c[i]+r[i])/2, r[i]), 0)", "\t}")
	y, c, r := slice("y"), slice("c"), slice("r")
	elements("y", func(at part) {
		v := at.get(r)
		at.put(atLeast(smallerOf(middle(at.get(c), v), v), 0), y)
	})
}

// reluIntervalGrad is the gradient of both: what passes at the upper bound and what passes
// at the lower one, half of each.
func reluIntervalGrad() {
	begin("reluIntervalGrad", "func(own, other, dy, c, r []float32)",
		"\tfor i := range own {",
		"\t\tupper, lower := 0, 0",
		"\t\tif c[i]+r[i] > 0 {", "\t\t\tupper = dy[i] / 2", "\t\t}",
		"\t\tif c[i] > r[i] {", "\t\t\tlower = dy[i] / 2", "\t\t}",
		"\t\town[i], other[i] = upper+lower, upper-lower", "\t}")
	own, other, dy, c, r := slice("own"), slice("other"), slice("dy"), slice("c"), slice("r")
	elements("own", func(at part) {
		centre, radius := at.get(c), at.get(r)
		half := times(at.get(dy), constant(0.5))
		upper := selected(compare(plus(centre, radius), asm.Greater, constant(0)), half)
		lower := selected(compare(centre, asm.Greater, radius), half)
		at.put(plus(upper, lower), own)
		at.put(minus(upper, lower), other)
	})
}
