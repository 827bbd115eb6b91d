// Package metric measures classifiers: it counts what they predict and says how
// much of it is right, how far their probabilities can be believed, and how well a
// score tells unknown inputs. It knows neither networks nor datasets, so that
// training, inference and commands can all count with it.
package metric

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// Confusion counts predictions: row by true class, column by predicted class.
type Confusion [][]int

// NewConfusion returns an empty matrix.
func NewConfusion(classes int) Confusion {
	c := make(Confusion, classes)
	for i := range c {
		c[i] = make([]int, classes)
	}
	return c
}

// Add counts one prediction.
func (c Confusion) Add(class, predicted int) { c[class][predicted]++ }

// Total is the number of predictions.
func (c Confusion) Total() int {
	n := 0
	for k := range c {
		n += c.support(k)
	}
	return n
}

// Accuracy is the share of right predictions, 0 if there are none.
func (c Confusion) Accuracy() float64 {
	right := 0
	for k := range c {
		right += c[k][k]
	}
	return ratio(right, c.Total())
}

// Precision is, of the predictions of a class, the share that is right.
func (c Confusion) Precision(class int) float64 {
	predicted := 0
	for k := range c {
		predicted += c[k][class]
	}
	return ratio(c[class][class], predicted)
}

// Recall is, of the samples of a class, the share that is found.
func (c Confusion) Recall(class int) float64 { return ratio(c[class][class], c.support(class)) }

// F1 is the harmonic mean of a class's precision and recall, 0 if both are 0.
func (c Confusion) F1(class int) float64 {
	p, r := c.Precision(class), c.Recall(class)
	if p+r == 0 {
		return 0
	}
	return 2 * p * r / (p + r)
}

// Mean is the mean of a measure such as c.F1 over the classes that have samples: of
// others it says nothing. It is 0 without such classes.
func (c Confusion) Mean(measure func(class int) float64) float64 {
	var sum float64
	for k := range c {
		if c.support(k) > 0 {
			sum += measure(k)
		}
	}
	return sum / float64(max(c.tested(), 1))
}

// tested is how many classes have samples.
func (c Confusion) tested() (n int) {
	for k := range c {
		n += min(c.support(k), 1)
	}
	return n
}

func (c Confusion) support(class int) int {
	n := 0
	for _, v := range c[class] {
		n += v
	}
	return n
}

func ratio(part, of int) float64 {
	if of == 0 {
		return 0
	}
	return float64(part) / float64(of)
}

// Table writes accuracy, precision, recall and F1 of each class and their
// means, and the matrix.
func (c Confusion) Table(classes []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "accuracy %.4f (%d images)\n\n", c.Accuracy(), c.Total())
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "class\tprecision\trecall\tF1\timages\t")
	for k, name := range classes {
		fmt.Fprintf(w, "%s\t%.4f\t%.4f\t%.4f\t%d\t\n", name, c.Precision(k), c.Recall(k), c.F1(k), c.support(k))
	}
	mean := "mean"
	if n := c.tested(); n < len(c) {
		mean = fmt.Sprintf("mean of the %d with images", n)
	}
	fmt.Fprintf(w, "%s\t%.4f\t%.4f\t%.4f\t%d\t\n", mean, c.Mean(c.Precision), c.Mean(c.Recall), c.Mean(c.F1), c.Total())
	w.Flush()
	b.WriteString("\nconfusion: true class in rows, prediction in columns\n")
	fmt.Fprintf(w, "\t%s\t\n", strings.Join(classes, "\t"))
	for k, name := range classes {
		fmt.Fprintf(w, "%s\t", name)
		for _, n := range c[k] {
			fmt.Fprintf(w, "%d\t", n)
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	return b.String()
}
