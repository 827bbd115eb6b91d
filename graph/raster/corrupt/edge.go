package corrupt

// edge says what is seen beyond the picture.
type edge int

const (
	outside   edge = iota // 0: "constant"
	nearest               // the last pixel: aaa|abcd|ddd
	reflected             // the picture again, from the last pixel: cba|abcd|dcb
	mirrored              // the picture again, from the last but one: dcb|abcd|cba
)

// index returns which of n pixels is seen at i, or -1 for a 0.
func (e edge) index(i, n int) int {
	if i >= 0 && i < n {
		return i
	}
	switch e {
	case nearest:
		return max(0, min(i, n-1))
	case reflected:
		i = modulo(i, 2*n)
		return min(i, 2*n-1-i)
	case mirrored:
		if n == 1 {
			return 0
		}
		i = modulo(i, 2*n-2)
		return min(i, 2*n-2-i)
	}
	return -1
}

// modulo returns i mod n, from 0 to n-1.
func modulo(i, n int) int { return (i%n + n) % n }

// at returns the value at a row and a column, which may be outside.
func (e edge) at(v []float64, h, w, row, col int) float64 {
	if row < 0 || row >= h {
		row = e.index(row, h)
	}
	if col < 0 || col >= w {
		col = e.index(col, w)
	}
	if row < 0 || col < 0 {
		return 0
	}
	return v[row*w+col]
}
