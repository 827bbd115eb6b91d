package chart

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// The numbers of labels that an axis has at most, about.
const (
	across  = 8
	upright = 5
)

// most is how large a value can be: what is larger counts as not finite, as differences
// would overflow.
const most = 1e300

// scale is an axis with its ends and its ticks.
type scale struct {
	Axis
	lo, hi float64
	ticks  []tick
	small  []float64 // ticks without a label
}

// tick is a labelled place of an axis.
type tick struct {
	value float64
	label string
}

// at is the place of a value, between 0 and 1 from one end to the other.
func (s scale) at(v float64) float64 {
	if s.Log {
		return math.Log(v/s.lo) / math.Log(s.hi/s.lo)
	}
	return (v - s.lo) / (s.hi - s.lo)
}

// has reports whether a value has a place.
func (s scale) has(v float64) bool {
	return math.Abs(v) <= most && (!s.Log || v > 0) // false for NaN
}

// newScale is the scale of an axis for values, which all have places. An axis of numbers that
// is not given its ends gets round ones, if round is set, and otherwise those of the values.
func newScale(a Axis, values []float64, labels int, round bool) scale {
	s := scale{Axis: a, lo: a.Min, hi: a.Max}
	given := a.Min < a.Max
	if !given {
		s.lo, s.hi = ends(values)
	}
	switch {
	case a.Choices != nil:
		if !given {
			s.lo, s.hi = -0.5, float64(len(a.Choices))-0.5
		}
		for i, name := range a.Choices {
			s.ticks = append(s.ticks, tick{float64(i), name})
		}
	case a.Log:
		s.logTicks(given)
	default:
		whole := !round && !given && len(values) > 0 && !slices.ContainsFunc(values, func(v float64) bool { return v != math.Trunc(v) })
		s.linearTicks(labels, given, whole, round)
	}
	return s
}

// ends are the smallest and the largest value, of none 0 and 1.
func ends(values []float64) (lo, hi float64) {
	if len(values) == 0 {
		return 0, 1
	}
	return slices.Min(values), slices.Max(values)
}

// linearTicks marks multiples of 1, 2 or 5 times a power of ten, and chooses the ends if they
// are not given. An axis of whole numbers, such as epochs, has marks at those alone, and room
// beside the first and the last.
func (s *scale) linearTicks(labels int, given, whole, round bool) {
	if whole {
		s.lo, s.hi = s.lo-0.5, s.hi+0.5
	} else if !given && s.hi-s.lo <= 1e-9*max(s.hi, -s.lo) { // a constant is shown beside zero
		s.lo, s.hi = min(s.lo, 0), max(s.hi, 0)
	}
	step := stepOf(s.lo, s.hi, labels)
	if whole {
		step = max(1, stepOf(0, s.hi-s.lo, labels))
	}
	if round && !given {
		s.lo = math.Floor(s.lo/step+1e-9) * step
		s.hi = max(math.Ceil(s.hi/step-1e-9)*step, s.lo+step)
	} else if s.lo == s.hi {
		s.hi = s.lo + step
	}
	first := math.Ceil(s.lo/step - 1e-9)
	for k := first; k <= math.Floor(s.hi/step+1e-9) && k < first+100; k++ {
		s.ticks = append(s.ticks, tick{k * step, label(k*step, step, max(s.hi, -s.lo))})
	}
}

// logTicks marks powers of ten, and between few of these twice and five times a power.
func (s *scale) logTicks(given bool) {
	if !given && s.hi < 2*s.lo {
		s.lo, s.hi = s.lo/2, s.hi*2
	}
	first, last := math.Floor(math.Log10(s.lo)+1e-9), math.Ceil(math.Log10(s.hi)-1e-9)
	few, every := last-first <= 2, math.Ceil((last-first)/across)
	for k := first; k <= last; k++ {
		for m := 1.0; m < 10; m++ {
			v := m * math.Pow(10, k)
			switch {
			case v < s.lo*(1-1e-9) || v > s.hi*(1+1e-9):
			case m == 1 && math.Mod(k-first, every) == 0 || few && (m == 2 || m == 5):
				s.ticks = append(s.ticks, tick{v, number(v)})
			case every == 1:
				s.small = append(s.small, v)
			}
		}
	}
}

// stepOf is 1, 2 or 5 times a power of ten, so that about n steps or fewer lead
// from lo to hi; it is 1 where they are equal.
func stepOf(lo, hi float64, n int) float64 {
	least := (hi - lo) / float64(n)
	if least < 1e-30 {
		least = 1
	}
	power := math.Pow(10, math.Floor(math.Log10(least)))
	for _, s := range []float64{1, 2, 5} {
		if s*power >= least*(1-1e-9) {
			return s * power
		}
	}
	return 10 * power
}

// label writes a multiple of step, with as many digits as step has, on an axis
// that goes as far as most from zero: as in 2e-4 where it is small or large.
func label(v, step, most float64) string {
	power := func(v float64) int { return int(math.Floor(math.Log10(math.Abs(v)) + 1e-9)) }
	digits := max(0, -power(step))
	if most < 1e6 && (digits < 4 || most >= 0.01) {
		return strconv.FormatFloat(v+0, 'f', digits, 64) // + 0 makes a 0 of -0
	}
	if math.Abs(v) < step/2 {
		return "0"
	}
	return short(strconv.FormatFloat(v, 'e', max(0, power(v)-power(step)), 64))
}

// number writes a value with few digits.
func number(v float64) string { return short(strconv.FormatFloat(v, 'g', 4, 64)) }

// short takes the plus and the zeros from a number's exponent.
func short(text string) string {
	mantissa, exponent, ok := strings.Cut(text, "e")
	if !ok {
		return text
	}
	n, _ := strconv.Atoi(exponent) // FormatFloat's
	return mantissa + "e" + strconv.Itoa(n)
}

// When values are left out: if there are enough of them, and at most one in 20 is more than 8
// times as far away as the others are apart.
const (
	enough  = 8
	rare    = 20
	stretch = 8
)

// usual is where the values lie but for few that are far above or below, and what says
// so, "" for none.
func usual(values []float64) (lo, hi float64, note string) {
	lo, hi = ends(values)
	if len(values) < enough {
		return lo, hi, ""
	}
	sorted := slices.Sorted(slices.Values(values))
	few := max(1, len(sorted)/rare)
	var notes []string
	if reach := stretch * (sorted[len(sorted)-1-few] - lo); reach > 0 && hi-lo > reach {
		n, _ := slices.BinarySearchFunc(sorted, lo+reach, above)
		hi = sorted[n-1]
		notes = append(notes, leftOut(len(sorted)-n, "above", roundUp(hi, hi-lo)))
		sorted = sorted[:n]
	}
	if reach := stretch * (hi - sorted[min(few, len(sorted)-1)]); reach > 0 && hi-lo > reach {
		n, _ := slices.BinarySearch(sorted, hi-reach)
		lo = sorted[n]
		notes = append(notes, leftOut(n, "below", -roundUp(-lo, hi-lo)))
	}
	return lo, hi, strings.Join(notes, "; ")
}

// above orders values so that a search finds the first that is larger.
func above(v, than float64) int {
	if v > than {
		return 1
	}
	return -1
}

// roundUp is the end of an axis that shows a value, the highest of such a range.
func roundUp(v, of float64) float64 {
	step := stepOf(0, of, upright)
	return math.Ceil(v/step-1e-9) * step
}

// leftOut says how many values are not drawn.
func leftOut(n int, side string, end float64) string {
	if n == 1 {
		return fmt.Sprintf("1 value %s %s is not shown", side, number(end))
	}
	return fmt.Sprintf("%d values %s %s are not shown", n, side, number(end))
}
