package op

import (
	"cmp"
	"fmt"
	"slices"

	"gorgonia.org/tensor"
)

// View says which elements of a tensor an op reads, and in which order: element
// (i,j,…) of Shape is element
//
//	From + i·Steps[0] + j·Steps[1] + …
//
// of the tensor in memory. A step of 0 repeats. The zero value is the whole tensor
// as it is.
type View struct {
	From         int
	Shape, Steps []int
}

// whole is the view of a tensor as it is.
func whole(shape tensor.Shape) View {
	v := View{Shape: shape.Clone(), Steps: make([]int, len(shape))}
	step := 1
	for i, d := range slices.Backward(shape) {
		v.Steps[i] = step
		step *= d
	}
	return v
}

// of returns the view of a tensor: v itself, or for the zero value a view of the
// whole tensor. An element that the tensor does not have is an error.
func (v View) of(shape tensor.Shape) (View, error) {
	if v.Shape == nil {
		return whole(shape), nil
	}
	last := v.From
	if len(v.Shape) != len(v.Steps) {
		return v, fmt.Errorf("a view of shape %v has steps %v, want one for each dimension", tensor.Shape(v.Shape), v.Steps)
	}
	for i, d := range v.Shape {
		if d < 1 || v.Steps[i] < 0 {
			return v, fmt.Errorf("a view has shape %v and steps %v, want positive dimensions and no negative steps", tensor.Shape(v.Shape), v.Steps)
		}
		last += (d - 1) * v.Steps[i]
	}
	if size := shape.TotalSize(); v.From < 0 || last >= size {
		return v, fmt.Errorf("a view has elements %d to %d of %v, want 0 to %d", v.From, last, shape, size-1)
	}
	return v, nil
}

// swapped exchanges the last two dimensions.
func (v View) swapped() View {
	v.Shape, v.Steps = slices.Clone(v.Shape), slices.Clone(v.Steps)
	n := len(v.Shape)
	v.Shape[n-1], v.Shape[n-2] = v.Shape[n-2], v.Shape[n-1]
	v.Steps[n-1], v.Steps[n-2] = v.Steps[n-2], v.Steps[n-1]
	return v
}

// repeats reports whether an element may be there twice. It is certain for views
// of which each dimension steps over the smaller ones, as all parts and
// rearrangements of a tensor do.
func (v View) repeats() bool {
	order := upTo(len(v.Shape))
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(v.Steps[a], v.Steps[b]) })
	reach := 1 // of the dimensions with smaller steps
	for _, i := range order {
		if v.Shape[i] == 1 {
			continue
		}
		if v.Steps[i] < reach {
			return true
		}
		reach += (v.Shape[i] - 1) * v.Steps[i]
	}
	return false
}

// places lists where elements of the first dimensions begin, the last one the
// fastest.
func (v View) places(dims int) []int {
	at := []int{v.From}
	for i := range dims {
		outer := at
		at = make([]int, 0, len(outer)*v.Shape[i])
		for _, from := range outer {
			for k := range v.Shape[i] {
				at = append(at, from+k*v.Steps[i])
			}
		}
	}
	return at
}

// upTo lists the numbers below n.
func upTo(n int) []int {
	numbers := make([]int, n)
	for i := range numbers {
		numbers[i] = i
	}
	return numbers
}
