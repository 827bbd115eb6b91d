package show

import (
	"fmt"
	htmlpkg "html"
	"strconv"
	"strings"
	"text/tabwriter"

	"tapenet/graph/metric"
)

// Table is rows of cells below a row of names.
type Table struct {
	head []string
	rows [][]string
}

// NewTable is a table without rows.
func NewTable(head ...string) *Table { return &Table{head: head} }

// Row adds a row. Fractions are written with four digits.
func (t *Table) Row(cells ...any) {
	row := make([]string, len(cells))
	for i, c := range cells {
		switch c := c.(type) {
		case float64:
			row[i] = strconv.FormatFloat(c, 'g', 4, 64)
		case float32:
			row[i] = strconv.FormatFloat(float64(c), 'g', 4, 32)
		default:
			row[i] = fmt.Sprint(c)
		}
	}
	t.rows = append(t.rows, row)
}

// SimpleRender is the table as HTML, columns of numbers to the right.
func (t *Table) SimpleRender() map[string]any {
	var b strings.Builder
	b.WriteString("<table><thead><tr>")
	for i, h := range t.head {
		fmt.Fprintf(&b, `<th style="text-align:%s">%s</th>`, t.side(i), htmlpkg.EscapeString(h))
	}
	b.WriteString("</tr></thead><tbody>")
	for _, row := range t.rows {
		b.WriteString("<tr>")
		for i, c := range row {
			fmt.Fprintf(&b, `<td style="text-align:%s">%s</td>`, t.side(i), htmlpkg.EscapeString(c))
		}
		b.WriteString("</tr>")
	}
	b.WriteString("</tbody></table>")
	return rendered(html, b.String(), t.plain(), nil)
}

// side is where a column's text stands.
func (t *Table) side(column int) string {
	for _, row := range t.rows {
		if column >= len(row) {
			continue
		}
		number := strings.ReplaceAll(strings.TrimSuffix(row[column], " %"), ",", "")
		if _, err := strconv.ParseFloat(number, 64); err != nil {
			return "left"
		}
	}
	return "right"
}

func (t *Table) plain() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{t.head}, t.rows...) {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	w.Flush() // into memory
	return b.String()
}

// Confusion is the matrix as an HTML table, the darker the larger the share of
// its row, mistakes in red; or what is wrong, unless each class has a name.
func Confusion(c metric.Confusion, classes []string) HTML {
	if len(classes) != len(c) {
		return HTML(fmt.Sprintf("show: %d names for a confusion of %d classes, want one for each", len(classes), len(c)))
	}
	var b strings.Builder
	b.WriteString("<table><thead><tr><th>true \\ predicted</th>")
	for i := range c {
		fmt.Fprintf(&b, "<th>%s</th>", htmlpkg.EscapeString(classes[i]))
	}
	b.WriteString("</tr></thead><tbody>")
	for i, row := range c {
		fmt.Fprintf(&b, "<tr><th>%s</th>", htmlpkg.EscapeString(classes[i]))
		total := 0
		for _, n := range row {
			total += n
		}
		for j, n := range row {
			colour, strength := "213,94,0", 10.0 // a tenth of the row is full colour
			if i == j {
				colour, strength = "0,114,178", 0.4
			}
			share := min(1, strength*float64(n)/float64(max(1, total)))
			fmt.Fprintf(&b, `<td style="text-align:right;background:rgba(%s,%.2f)">%d</td>`, colour, share, n)
		}
		b.WriteString("</tr>")
	}
	b.WriteString("</tbody></table>")
	return HTML(b.String())
}
