package infer

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"tapenet/cmd/internal/cli"
)

// printer returns a function that prints results in the format that the options
// ask for. Those of models that judge say whether a picture is unknown.
func printer(w io.Writer, o options, classes []string, judges bool) func([]result) error {
	head := []string{"file", "class"}
	if judges {
		head = append(head, "unknown")
	}
	return printing(w, o, append(head, classes...), result.row, func(r result) string { return cli.Plain(r.line(classes, o.top)) })
}

// printing returns a function that prints what is known of pictures: with -json each
// by itself, with -csv the head and a row for each, otherwise a line for each.
func printing[T any](w io.Writer, o options, head []string, row func(T) []string, line func(T) string) func([]T) error {
	out := bufio.NewWriter(w) // its errors stay until Flush
	table := csv.NewWriter(out)
	if o.csv {
		table.Write(head)
	}
	return func(all []T) error {
		for _, one := range all {
			switch {
			case o.json:
				if err := json.NewEncoder(out).Encode(one); err != nil {
					return err
				}
			case o.csv:
				table.Write(row(one))
			default:
				fmt.Fprintln(out, line(one))
			}
		}
		table.Flush()
		return out.Flush()
	}
}

// noClass is what a picture of no class is called.
const noClass = "none of these"

// title is the picture's class, or that it has none.
func (r result) title() string {
	if r.Unknown != nil && *r.Unknown {
		return noClass
	}
	return r.Class
}

// line is the file, its class, if it has one, and the most probable classes with
// their probabilities.
func (r result) line(classes []string, top int) string {
	order := ranking(r.Probabilities)
	shown := make([]string, min(top, len(order)))
	for i := range shown {
		shown[i] = fmt.Sprintf("%s: %.1f %%", classes[order[i]], 100*r.Probabilities[order[i]])
	}
	return fmt.Sprintf("%s: %s  (%s)", r.File, r.title(), strings.Join(shown, ", "))
}

// row is the file, its most probable class, whether it is unknown if that is judged,
// and the probabilities of all classes.
func (r result) row() []string {
	row := []string{r.File, r.Class}
	if r.Unknown != nil {
		row = append(row, strconv.FormatBool(*r.Unknown))
	}
	for _, p := range r.Probabilities {
		row = append(row, strconv.FormatFloat(float64(p), 'g', -1, 32))
	}
	return row
}

// ranking lists the classes, the most probable ones first.
func ranking(probabilities []float32) []int {
	order := make([]int, len(probabilities))
	for k := range order {
		order[k] = k
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(probabilities[b], probabilities[a]) })
	return order
}
