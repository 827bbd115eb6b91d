package corrupt

import "slices"

// plasma returns a map of size by size heights from 0 to 1, by the method of
// diamonds and squares: from step to step, the middles of the squares and then of
// their sides become the mean of the four places around them, plus a random
// number. size is a power of 2, and what is beyond one side is what is at the
// other. The random numbers are at most 100² in size, at first, and decay² times
// smaller from step to step: so the published code of fog has it.
//
// u holds size²-1 uniform numbers: for each step those of the squares, of the
// middles of horizontal sides, and of vertical ones.
func plasma(size int, decay float64, u []float64) []float64 {
	m := make([]float64, size*size)
	wibble := 100.0
	for step := size; step >= 2; step /= 2 {
		half, reach := step/2, float64(wibble*wibble)
		// fill makes the places that are (y,x) away from the corners the mean of
		// the places above, below, left and right of them; in the squares' middles,
		// of those that are so in the picture turned by 45 degrees.
		fill := func(y, x int, diagonal bool) {
			for row := y; row < size; row += step {
				above, below := m[((row-half)&(size-1))*size:][:size], m[((row+half)&(size-1))*size:][:size]
				own := m[row*size:][:size]
				for col := x; col < size; col += step {
					left, right := (col-half)&(size-1), (col+half)&(size-1)
					var sum float64
					if diagonal {
						sum = (above[left] + below[left]) + (above[right] + below[right])
					} else {
						sum = (below[col] + above[col]) + (own[left] + own[right])
					}
					own[col] = float64(sum/4) + float64(reach*(float64(2*u[0])-1))
					u = u[1:]
				}
			}
		}
		fill(half, half, true)
		fill(0, half, false)
		fill(half, 0, false)
		wibble /= decay
	}
	low := slices.Min(m)
	scale := slices.Max(m) - low
	if scale == 0 { // size 1
		scale = 1
	}
	for i, v := range m {
		m[i] = (v - low) / scale
	}
	return m
}

// plasmaSize returns the least power of 2 that is at least n and the rows and
// the columns.
func (x *canvas) plasmaSize(n int) int {
	for n < x.h || n < x.w {
		n *= 2
	}
	return n
}

// fog lays amount times the map of heights over the picture, and makes it darker
// so that its brightest pixel stays.
func (x *canvas) fog(amount float64, size int, heights []float64) {
	brightest := slices.Max(x.pix)
	scale := brightest / (brightest + amount)
	for k := range x.c {
		v := x.plane(k)
		for i := range v {
			v[i] = clip((v[i] + float64(amount*heights[i/x.w*size+i%x.w])) * scale)
		}
	}
}
