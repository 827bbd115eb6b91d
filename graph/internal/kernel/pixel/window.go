package pixel

import (
	"math"
	"unsafe"

	"tapenet/graph/internal/kernel/cpu"
)

// A windowFunc slides a window of kh×kw pixels over a fixed number of places in a row,
// and works channel by channel:
//
//	for each place j and channel f < width {
//		y[j*yPixel+f] = min(max(r + shift[f], low), high) // a NaN stays
//	}
//
// with x(u,v) = x[j*xPixel + u*xRow + v*xColumn + f], where r is, by the function,
//
//	dot: sum over u, then v, of x(u,v)·w[(u*kw+v)*wPixel+f], each term by one fma
//	sum: sum over u, then v, of x(u,v)
//	max: the largest x(u,v), NaN if one is NaN
//
// It keeps the sums of all its places in registers while it goes through the window,
// so that a weight is read once for up to fourteen pixels:
//
//	          j=0   j=1   …   j=13       a vector of channels each
//	w(u,v) →   +     +          +        then the next (u,v)
//
// Distances are in elements and may be zero or overlap. Nothing checks bounds.
type windowFunc[T cpu.Float] func(width, kh, kw int, x *T, xPixel, xColumn, xRow int, w *T, wPixel int, y *T, yPixel int, shift *T, low, high T)

// WindowKind is a function of the pixels in a window. Depthwise convolutions take Dot,
// poolings Sum, with weights of 1/n behind it or none, and Max.
type WindowKind int

const (
	Dot WindowKind = iota // the products with weights, added up
	Sum                   // the pixels, added up
	Max                   // the largest pixel
)

// Window is a window on an image channels last, for inference, see windowFunc. Unlike
// [Windows] it takes any stride and dilation, and keeps nothing for a gradient.
type Window[T cpu.Float] struct {
	Kind          WindowKind
	Width, KH, KW int
	XPixel        int // from a place to the next, in elements, as all distances
	XColumn, XRow int // from a pixel of the window to the next
	WPixel        int // of the weights of Dot
	YPixel        int
	Shift         []T // Width elements
	Low, High     T
}

// Slide sets n pixels of y, at least one, from the windows that begin at x. w are the
// weights of Dot, (KH·KW,WPixel); the other kinds take none. It goes through the
// places in equal parts, as many at a time as a loop takes, for the widest vectors
// first and then for the eight channels that they leave.
func (o *Window[T]) Slide(n int, y, x, w []T) {
	if len(w) == 0 {
		w = o.Shift
	}
	done := 0
	for _, l := range windowLoops[T](o.Kind) {
		channels := (o.Width - done) / l.lanes * l.lanes
		if channels == 0 {
			continue
		}
		most := len(l.cols)
		parts := (n + most - 1) / most
		for q := range parts {
			first, last := n*q/parts, n*(q+1)/parts
			l.cols[last-first-1](channels, o.KH, o.KW, &x[first*o.XPixel+done], o.XPixel, o.XColumn, o.XRow,
				&w[done], o.WPixel, &y[first*o.YPixel+done], o.YPixel, &o.Shift[done], o.Low, o.High)
		}
		done += channels
	}
}

// windowLoop has the functions of one kind that take channels in multiples of lanes.
type windowLoop[T cpu.Float] struct {
	lanes int
	cols  []windowFunc[T] // cols[n-1] is for n places
}

// windowTable lists the functions of a tier by kind, as gen/window writes it: element
// n-1 is for n places.
type windowTable struct{ dot, sum, max []windowFunc[float32] }

func (t *windowTable) of(k WindowKind) []windowFunc[float32] {
	return [...][]windowFunc[float32]{t.dot, t.sum, t.max}[k]
}

// windowLoops returns the functions of the active tier, the one for most channels first.
func windowLoops[T cpu.Float](k WindowKind) []windowLoop[T] {
	if _, ok := any(T(0)).(float32); ok {
		if l := windowLoops32(cpu.Active(), k); l != nil {
			return any(l).([]windowLoop[T])
		}
	}
	var plain any = windowsGo64
	if _, ok := any(T(0)).(float32); ok {
		plain = windowsGo32
	}
	return plain.([][]windowLoop[T])[k]
}

// The loops in plain Go, for one channel and one place at a time.
var (
	windowsGo32 = newGoWindows[float32]()
	windowsGo64 = newGoWindows[float64]()
)

func newGoWindows[T cpu.Float]() (kinds [][]windowLoop[T]) {
	for _, f := range []windowFunc[T]{dotGo[T], sumGo[T], maxGo[T]} {
		kinds = append(kinds, []windowLoop[T]{{1, []windowFunc[T]{f}}})
	}
	return kinds
}

func dotGo[T cpu.Float](width, kh, kw int, x *T, _, xColumn, xRow int, w *T, wPixel int, y *T, _ int, shift *T, low, high T) {
	slideGo(width, kh, kw, x, xColumn, xRow, y, shift, low, high, 0, func(r, x T, f, tap int) T {
		return r + x*(*at(w, tap*wPixel+f))
	})
}

func sumGo[T cpu.Float](width, kh, kw int, x *T, _, xColumn, xRow int, _ *T, _ int, y *T, _ int, shift *T, low, high T) {
	slideGo(width, kh, kw, x, xColumn, xRow, y, shift, low, high, 0, func(r, x T, _, _ int) T { return r + x })
}

func maxGo[T cpu.Float](width, kh, kw int, x *T, _, xColumn, xRow int, _ *T, _ int, y *T, _ int, shift *T, low, high T) {
	slideGo(width, kh, kw, x, xColumn, xRow, y, shift, low, high, T(math.Inf(-1)), larger[T])
}

// slideGo is a windowFunc of one place, given its first r and the step that takes up
// pixel (u,v), of tap u·kw+v.
func slideGo[T cpu.Float](width, kh, kw int, x *T, xColumn, xRow int, y, shift *T, low, high, r0 T, step func(r, x T, f, tap int) T) {
	for f := range width {
		r := r0
		for u := range kh {
			for v := range kw {
				r = step(r, *at(x, u*xRow+v*xColumn+f), f, u*kw+v)
			}
		}
		*at(y, f) = limited(r+*at(shift, f), low, high)
	}
}

// larger is the larger one of two pixels, or NaN if one of them is. Of two zeros it
// is x, as in the assembly.
func larger[T cpu.Float](r, x T, _, _ int) T {
	if r != r || x < r {
		return r
	}
	return x
}

// limited is v, or the limit that v lies beyond. A NaN stays, and so does the sign of
// a zero at a limit of zero.
func limited[T cpu.Float](v, low, high T) T {
	if v < low {
		v = low
	}
	if v > high {
		v = high
	}
	return v
}

// at is the address of the element i behind p.
func at[T cpu.Float](p *T, i int) *T {
	return (*T)(unsafe.Add(unsafe.Pointer(p), i*int(unsafe.Sizeof(*p))))
}
