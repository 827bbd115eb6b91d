package gemm

import (
	"unsafe"

	"tapenet/graph/internal/kernel/cpu"
)

// newGoPanels returns the plain twins: panels of goPanel columns and tiles of up to
// four rows. A tile is computed row by row: its eight sums are as many as the compiler
// keeps in registers or the first cache. A panel of several rows of a stays in the
// cache meanwhile.
func newGoPanels[T cpu.Float]() *panelTiles[T] {
	t := &panelTiles[T]{cols: goPanel}
	for rows := 1; rows <= 4; rows++ {
		t.rows = append(t.rows, func(k, mid, outer int, a *T, aRow, aMid, aOuter int, b, c *T, cRow int, shift, residual *T, residualRow int, low, high T) {
			for i := range rows {
				var sums [goPanel]T
				for q := range outer {
					for p := range mid {
						multiplyPanel(&sums, k, element(a, i*aRow+q*aOuter+p*aMid), element(b, (q*mid+p)*k*goPanel))
					}
				}
				var rest *T
				if residual != nil {
					rest = element(residual, i*residualRow)
				}
				endPanel(&sums, element(c, i*cRow), shift, rest, low, high)
			}
		})
	}
	return t
}

// multiplyPanel adds the products of k elements of a and k rows of a panel. On amd64 a
// product is rounded before it is added, where the assembly rounds once; on other
// processors the compiler may fuse the two.
func multiplyPanel[T cpu.Float](sums *[goPanel]T, k int, a, b *T) {
	x, y := unsafe.Slice(a, k), unsafe.Slice(b, k*goPanel)
	for l, v := range x {
		row := (*[goPanel]T)(y[l*goPanel:])
		for j, w := range row {
			sums[j] += v * w
		}
	}
}

// endPanel finishes a row of sums and writes it to c. The comparisons let a NaN and the
// sign of a zero through, as the assembly does.
func endPanel[T cpu.Float](sums *[goPanel]T, c, shift, residual *T, low, high T) {
	to, add := unsafe.Slice(c, goPanel), unsafe.Slice(shift, goPanel)
	for j, v := range sums {
		v += add[j]
		if residual != nil {
			v += *element(residual, j)
		}
		if v < low {
			v = low
		}
		if v > high {
			v = high
		}
		to[j] = v
	}
}

// element is the address of the element i behind p. Like the assembly it checks no
// bounds: the functions take addresses, as a filter's window has no length of its own.
func element[T cpu.Float](p *T, i int) *T {
	return (*T)(unsafe.Add(unsafe.Pointer(p), i*int(unsafe.Sizeof(*p))))
}
