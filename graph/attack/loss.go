package attack

import (
	"math"
	"slices"
)

// Loss is what an attack makes as large as it can, for one picture. F returns it, and
// sets gradient to its derivative for each logit, unless gradient is nil. It must be safe
// for concurrent use and keeps none of its arguments.
type Loss struct {
	Name string
	F    func(logits []float64, class int, gradient []float64) float64
}

// CrossEntropy is -log SoftMax(logits)[class]. Its gradient, SoftMax(logits) less 1 at
// the class, is zero where the network is sure enough.
var CrossEntropy = Loss{"ce", crossEntropy}

func crossEntropy(logits []float64, class int, gradient []float64) float64 {
	top, sum := slices.Max(logits), 0.0
	for _, v := range logits {
		sum += math.Exp(v - top)
	}
	if gradient != nil {
		for k, v := range logits {
			gradient[k] = math.Exp(v-top) / sum
		}
		// 1-p by the others, as 1-p itself loses what p is short of 1.
		var others float64
		for k, p := range gradient {
			if k != class {
				others += p
			}
		}
		gradient[class] = -others
	}
	return math.Log(sum) + top - logits[class]
}

// Margin is the largest logit of the other classes less that of the class: above 0 the
// network is wrong (Carlini and Wagner 2017, with κ of infinity).
var Margin = Loss{"margin", margin}

func margin(logits []float64, class int, gradient []float64) float64 {
	other := rival(logits, class)
	if gradient != nil {
		clear(gradient)
		gradient[other]++
		gradient[class]--
	}
	return logits[other] - logits[class]
}

// DLR is the difference of logits ratio (Croce and Hein 2020, equation 6),
//
//	-(z[y] - max_{i≠y} z[i]) / (z[π1] - z[π3])
//
// where π sorts the logits, the largest first: what a defence scales the logits by does
// not count. A network of two classes has no third: there it is [Margin].
var DLR = Loss{"dlr", dlr}

func dlr(logits []float64, class int, gradient []float64) float64 {
	if len(logits) < 3 {
		return margin(logits, class, gradient)
	}
	first, _, third, _ := largest(logits)
	return ratio(logits, [2]int{rival(logits, class), class}, []weight{{first, 1}, {third, -1}}, gradient)
}

// DLRTo is the DLR loss for a target (Croce and Hein 2020, equation 7),
//
//	-(z[y] - z[t]) / (z[π1] - (z[π3] + z[π4])/2)
//
// A network of three classes has no fourth, of two no third: there it is the
// numerator over z[π1] - z[π3], or alone.
func DLRTo(target int) Loss {
	return Loss{"dlr-t", func(logits []float64, class int, gradient []float64) float64 {
		first, _, third, fourth := largest(logits)
		var below []weight
		switch len(logits) {
		case 2:
		case 3:
			below = []weight{{first, 1}, {third, -1}}
		default:
			below = []weight{{first, 1}, {third, -0.5}, {fourth, -0.5}}
		}
		return ratio(logits, [2]int{target, class}, below, gradient)
	}}
}

// weight is a logit and its factor in a sum.
type weight struct {
	class  int
	factor float64
}

// ratio is (z[above[0]] - z[above[1]]) / (Σ factor·z + 1e-12), as the authors' program has it.
func ratio(z []float64, above [2]int, below []weight, gradient []float64) float64 {
	a, b := z[above[0]]-z[above[1]], 1e-12
	for _, w := range below {
		b += w.factor * z[w.class]
	}
	if len(below) == 0 {
		b = 1
	}
	if gradient != nil {
		clear(gradient)
		gradient[above[0]] += 1 / b
		gradient[above[1]] -= 1 / b
		for _, w := range below {
			gradient[w.class] -= w.factor * a / (b * b)
		}
	}
	return a / b
}

// difference is z[target] - z[class].
func difference(target int) Loss {
	return Loss{"difference", func(logits []float64, class int, gradient []float64) float64 {
		if gradient != nil {
			clear(gradient)
			gradient[target]++
			gradient[class]--
		}
		return logits[target] - logits[class]
	}}
}

// rival is the class of the largest logit but the class's, the first of equal ones.
func rival(logits []float64, class int) int {
	best := -1
	for k, v := range logits {
		if k != class && (best < 0 || v > logits[best]) {
			best = k
		}
	}
	return best
}

// largest are the classes of the four largest logits, the first of equal ones first; -1
// for those that there are too few for.
func largest(logits []float64) (first, second, third, fourth int) {
	top := [4]int{-1, -1, -1, -1}
	for k, v := range logits {
		at := len(top)
		for at > 0 && (top[at-1] < 0 || v > logits[top[at-1]]) {
			at--
		}
		if at < len(top) {
			copy(top[at+1:], top[at:])
			top[at] = k
		}
	}
	return top[0], top[1], top[2], top[3]
}

// argMax is the class of the largest logit, the first of equal ones.
func argMax(logits []float64) int {
	best := 0
	for k, v := range logits {
		if v > logits[best] {
			best = k
		}
	}
	return best
}

// targets are the classes but the class itself, those with the largest logits first, of
// equal ones the lower class first: at most n of them.
func targets(logits []float64, class, n int) []int {
	var order []int
	for k := range logits {
		if k != class {
			order = append(order, k)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case logits[a] > logits[b]:
			return -1
		case logits[a] < logits[b]:
			return 1
		}
		return 0
	})
	return order[:min(n, len(order))]
}
