package program

import (
	"fmt"
	"strings"

	"tapenet/graph/internal/kernel/cpu"
)

// String prints the program, a line a step:
//
//	v3 (1,64,112,112) last @1024 = Conv2d+BatchNorm+ReLU stride 2x2 (v1, weight, …)
//
// with the result's shape, its layout and, of a placed program, its first element in
// the arena, or the value that it lies in.
func (p *Program[T]) String() string {
	names := map[*Value[T]]string{}
	name := func(v *Value[T]) string {
		if v == nil {
			return "-"
		}
		if names[v] == "" {
			if names[v] = fmt.Sprintf("v%d", len(names)); v.Bound != nil {
				names[v] = v.Name
			}
		}
		return names[v]
	}
	places := map[*Value[T]]int{}
	for _, l := range p.placed {
		places[l.Value] = l.begin
	}
	var b strings.Builder
	for _, s := range p.steps {
		in := make([]string, 0, len(s.In)+1)
		for _, v := range s.In {
			in = append(in, described(v, name))
		}
		if s.Dy != nil {
			in = append(in, described(s.Dy, name))
		}
		for _, v := range s.writes() {
			fmt.Fprintf(&b, "%s %v %s%s ", name(v), shapeOf(v), v.Layout, placeOf(v, places, name))
		}
		fmt.Fprintf(&b, "= %s (%s)\n", s.Name, strings.Join(in, ", "))
	}
	return b.String()
}

// described is a value's name, and what it is a view of.
func described[T cpu.Float](v *Value[T], name func(*Value[T]) string) string {
	if v.view != nil && v.Bound == nil && !v.Layout.Last {
		return fmt.Sprintf("%s as %s", name(v.view), shapeOf(v))
	}
	return name(v)
}

func placeOf[T cpu.Float](v *Value[T], places map[*Value[T]]int, name func(*Value[T]) string) string {
	if v.view != nil {
		return fmt.Sprintf(" in %s+%d", name(v.view), v.at)
	}
	if at, ok := places[v]; ok {
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
