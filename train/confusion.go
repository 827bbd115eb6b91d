package train

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

// Table writes accuracy, precision and recall of each class, and the matrix.
func (c Confusion) Table(classes []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "accuracy %.4f (%d images)\n\n", c.Accuracy(), c.Total())
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "class\tprecision\trecall\timages\t")
	for k, name := range classes {
		fmt.Fprintf(w, "%s\t%.4f\t%.4f\t%d\t\n", name, c.Precision(k), c.Recall(k), c.support(k))
	}
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
