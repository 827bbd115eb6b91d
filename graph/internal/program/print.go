package program

import (
	"fmt"
	"strings"

	"tapenet/graph/internal/kernel/cpu"
)

// String prints the program, a line a step:
//
//	v3 (1,64,112,112) last @1024 = Conv2d+BatchNorm+ReLU (v1, weight, …)
//
// with the result's shape, its layout and, of a placed program, its first element in
// the arena, or the value that it lies in: "in v5+64". Bound tensors have their own
// names. An operand "v3 as (1,1024)" is v3's memory in another shape. The last line
// lists the results, if the program is compiled. A backward step gives the gradients
// of several operands; the last of its own operands is the gradient that it begins
// with.
//
// Two programs of the same steps, layouts and places print the same text: tests compare
// it. So numbers go by mention, and no map decides an order.
func (p *Program[T]) String() string {
	w := newPrinter(p)
	for _, s := range p.steps {
		// Numbers go to operands before results.
		in := w.list(s.In)
		if s.Dy != nil {
			in = append(in, w.operand(s.Dy))
		}
		var out []string
		for _, v := range s.writes() {
			out = append(out, fmt.Sprintf("%s %v %v%s", w.name(v), shapeOf(v), v.Layout, w.place(v)))
		}
		name := s.Name
		if s.lanes > 0 {
			name = fmt.Sprintf("%s in %d lanes", name, s.lanes)
		}
		fmt.Fprintf(&w.text, "%s = %s (%s)\n", strings.Join(out, ", "), name, strings.Join(in, ", "))
	}
	if len(p.results) > 0 {
		var memory []*Value[T]
		for _, r := range p.results {
			memory = append(memory, r.memory())
		}
		fmt.Fprintf(&w.text, "results %s\n", strings.Join(w.list(memory), ", "))
	}
	return w.text.String()
}

// printer is a program on its way to paper: the names that values have got so far, and
// what is known of each.
type printer[T cpu.Float] struct {
	text    strings.Builder
	names   map[*Value[T]]string
	steps   int                // values that have a number
	written map[*Value[T]]bool // by a step
	places  map[*Value[T]]int  // in the arena
}

func newPrinter[T cpu.Float](p *Program[T]) *printer[T] {
	w := &printer[T]{names: map[*Value[T]]string{}, written: map[*Value[T]]bool{}, places: map[*Value[T]]int{}}
	for _, s := range p.steps {
		for _, v := range s.writes() {
			w.written[v] = true
		}
	}
	for _, l := range p.placed {
		w.places[l.Value] = l.span.Begin
	}
	return w
}

// name is a bound tensor's own name, or a number in the order of the first mention.
func (w *printer[T]) name(v *Value[T]) string {
	if v.Bound != nil {
		return v.Name
	}
	if w.names[v] == "" {
		w.steps++
		w.names[v] = fmt.Sprintf("v%d", w.steps)
	}
	return w.names[v]
}

func (w *printer[T]) list(values []*Value[T]) []string {
	var names []string
	for _, v := range values {
		names = append(names, w.operand(v))
	}
	return names
}

// operand is a value's name, or that of the value whose memory it is: a view is no
// step's result, so that its own name would tell nothing.
//
//	v7 in v9+16    a part that a step writes: it has a name
//	v9 as (1,64)   what View gives of v9: no step writes it
func (w *printer[T]) operand(v *Value[T]) string {
	of := v
	for of.view != nil && !w.written[of] {
		of = of.view
	}
	if of == v {
		return w.name(v)
	}
	return fmt.Sprintf("%s as %s", w.name(of), shapeOf(v))
}

// place is where a value lies: inside another one, or at an element of the arena.
// Results and values of programs without places have memory of their own, and nothing
// is said.
func (w *printer[T]) place(v *Value[T]) string {
	if v.view != nil {
		return fmt.Sprintf(" in %s+%d", w.name(v.view), v.at)
	}
	if at, ok := w.places[v]; ok {
		return fmt.Sprintf(" @%d", at)
	}
	return ""
}

// shapeOf is as in (1,64,112,112).
func shapeOf[T cpu.Float](v *Value[T]) string {
	return "(" + strings.Trim(strings.ReplaceAll(fmt.Sprint(v.Shape), " ", ","), "[]") + ")"
}

// joined is the name of a step that does the work of two: the ops joined by +.
func joined(first, next string) string {
	first, _, _ = strings.Cut(first, " ")
	next, _, _ = strings.Cut(next, " ")
	return first + "+" + next
}
