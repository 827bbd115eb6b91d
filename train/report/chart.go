package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"tapenet/graph/metric"
	"tapenet/train"
)

// The frame of a chart, in the SVG's units.
const (
	left, right = 52.0, 440.0 // left is further right where labels are long
	top, bottom = 26.0, 226.0
	digit       = 7.7 // width of one, in the widest of common fonts
	maxDots     = 60  // epochs that get one each
)

// chart is a diagram of curves, ready to be drawn.
type chart struct {
	Name   string
	Across string // what X is
	Left   string // where the frame begins
	X, Y   []tick
	Curves []curve
}

// tick is a mark of an axis.
type tick struct {
	At    string
	Label string
}

type curve struct {
	Name, Color string
	Key         string // where its legend begins; "" for a legend below the chart
	Points      string // as a polyline has them
	Dashed      bool
	Dots        []dot
}

type dot struct{ X, Y, Text string }

// series is what a chart shows.
type series struct {
	name, color string
	value       func(train.Epoch) float64
}

const blue, red, green = "#1f77b4", "#d62728", "#2ca02c"

// charts draws the history of a run that was evaluated on that part. The learning rate is left out where there is none.
func charts(part string, history []train.Epoch) []chart {
	if len(history) == 0 {
		return nil
	}
	accuracy := []series{
		{"training", blue, func(e train.Epoch) float64 { return e.Accuracy }},
		{part, red, func(e train.Epoch) float64 { return e.ValAccuracy }},
	}
	if slices.ContainsFunc(history, func(e train.Epoch) bool { return e.Attacked > 0 }) {
		accuracy = append(accuracy, series{"under attack", green, func(e train.Epoch) float64 { return e.Attacked }})
	}
	all := []chart{
		newChart("loss", history,
			series{"training", blue, func(e train.Epoch) float64 { return e.Loss }},
			series{part, red, func(e train.Epoch) float64 { return e.ValLoss }}),
		newChart("accuracy", history, accuracy...),
	}
	rate := series{"of the last step in the epoch", green, func(e train.Epoch) float64 { return e.LearningRate }}
	for _, e := range history {
		if e.LearningRate > 0 {
			return append(all, newChart("learning rate", history, rate))
		}
	}
	return all
}

func newChart(name string, history []train.Epoch, of ...series) chart {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, s := range of {
		for _, e := range history {
			lo, hi = min(lo, s.value(e)), max(hi, s.value(e))
		}
	}
	if hi-lo <= 1e-9*max(hi, -lo) { // a constant is shown beside zero
		lo, hi = min(lo, 0), max(hi, 0)
	}
	step := stepOf(lo, hi, 5)
	lo = math.Floor(lo/step+1e-9) * step
	hi = max(math.Ceil(hi/step-1e-9)*step, lo+step)
	y := func(v float64) string { return coordinate(bottom - (bottom-top)*(v-lo)/(hi-lo)) }
	c := chart{Name: name, Across: "epoch"}
	from := left
	for k := 0; k <= int(math.Round((hi-lo)/step)); k++ {
		v := lo + float64(k)*step
		text := label(v, step, max(hi, -lo))
		c.Y = append(c.Y, tick{y(v), text})
		from = max(from, 10+digit*float64(len(text)))
	}
	c.Left = coordinate(from)
	x := func(epoch int) string {
		return coordinate(from + (right-from)*(float64(epoch-history[0].Epoch)+0.5)/float64(len(history)))
	}
	every := max(1, int(stepOf(0, float64(len(history)), 8)))
	for _, e := range history {
		if e.Epoch%every == 0 || len(history) < every {
			c.X = append(c.X, tick{x(e.Epoch), strconv.Itoa(e.Epoch)})
		}
	}
	for i, s := range of {
		c.Curves = append(c.Curves, newCurve(s, history, coordinate(120+90*float64(i)), x, y))
	}
	return c
}

func newCurve(s series, history []train.Epoch, key string, x func(int) string, y func(float64) string) curve {
	c := curve{Name: s.name, Color: s.color, Key: key}
	points := make([]string, len(history))
	for i, e := range history {
		px, py := x(e.Epoch), y(s.value(e))
		points[i] = px + "," + py
		if len(history) <= maxDots {
			c.Dots = append(c.Dots, dot{px, py, fmt.Sprintf("epoch %d: %.4g", e.Epoch, s.value(e))})
		}
	}
	c.Points = strings.Join(points, " ")
	return c
}

// newShares is a chart of curves between 0 and 1 both ways, whose legend is below it.
func newShares(name, across string, of []share) chart {
	c := chart{Name: name, Across: across, Left: coordinate(left)}
	x := func(v float64) float64 { return left + (right-left)*v }
	y := func(v float64) float64 { return bottom - (bottom-top)*v }
	for k := range 6 {
		v := float64(k) / 5
		text := label(v, 0.2, 1)
		c.X, c.Y = append(c.X, tick{coordinate(x(v)), text}), append(c.Y, tick{coordinate(y(v)), text})
	}
	for _, s := range of {
		c.Curves = append(c.Curves, curve{Name: s.name, Color: s.color, Dashed: s.dashed, Points: polyline(s.curve, x, y)})
	}
	return c
}

// share is a curve of [newShares].
type share struct {
	name, color string
	dashed      bool
	curve       metric.Curve
}

// fine is the distance below which a point of a curve is left out, in the SVG's units.
const fine = 0.4

// polyline has the points of a curve, but for those that cannot be told from the one before.
func polyline(c metric.Curve, x, y func(float64) float64) string {
	var points []string
	lastX, lastY := math.Inf(-1), math.Inf(-1)
	add := func(px, py float64, always bool) {
		if always || math.Abs(px-lastX) >= fine || math.Abs(py-lastY) >= fine {
			points = append(points, coordinate(px)+","+coordinate(py))
			lastX, lastY = px, py
		}
	}
	for i := range c.X {
		if c.Steps && i == 0 {
			add(x(0), y(c.Y[0]), true)
		} else if c.Steps {
			add(x(c.X[i-1]), y(c.Y[i]), false)
		}
		add(x(c.X[i]), y(c.Y[i]), i == 0 || i == len(c.X)-1)
	}
	return strings.Join(points, " ")
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
		return strconv.FormatFloat(v+0, 'f', digits, 64)
	}
	if math.Abs(v) < step/2 {
		return "0"
	}
	text := strconv.FormatFloat(v, 'e', max(0, power(v)-power(step)), 64)
	mantissa, exponent, _ := strings.Cut(text, "e")
	n, _ := strconv.Atoi(exponent) // without its plus and zeros
	return mantissa + "e" + strconv.Itoa(n)
}

func coordinate(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }
