package kernel

// The transformations of Winograd's convolution F(2×2,3×3), of n tiles that lie
// side by side, in images that are stored channels last: the plain Go twins of
// the assembly. Element (i,j) of a transformed tile of 4×4 is at (4·i+j)·q, q
// being the distance between the matrices that are multiplied.

// winogradInput sets v to Bᵀ·d·B, where d is a tile of 4×4 pixels; the next one
// begins two pixels further.
func winogradInput[T Float](n, width int, v, x []T, row, q int) {
	if v, ok := float32s(v); ok {
		x, _ := float32s(x)
		channelLoops.winogradInput(n, width, v, x, row, q)
		return
	}
	each := func(d [4]T) [4]T { return [4]T{d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]} }
	eachTile(n, width, func(tile, f int) {
		var d [4][4]T
		for i := range d {
			for j := range d[i] {
				d[i][j] = x[i*row+(2*tile+j)*width+f]
			}
		}
		for i, t := range transformed(each, d) {
			for j, t := range t {
				v[(4*i+j)*q+tile*width+f] = t
			}
		}
	})
}

// winogradOutput sets the pixels of y to Aᵀ·m·A, 2×2 for each tile or the first
// of its rows and columns.
func winogradOutput[T Float](n, width int, y []T, row int, m []T, q, rows, cols int) {
	if y, ok := float32s(y); ok {
		m, _ := float32s(m)
		channelLoops.winogradOutput(n, width, y, row, m, q, rows, cols)
		return
	}
	each := func(t [4]T) [4]T { return [4]T{(t[0] + t[1]) + t[2], (t[1] - t[2]) - t[3]} }
	eachTile(n, width, func(tile, f int) {
		var t [4][4]T
		for i := range t {
			for j := range t[i] {
				t[i][j] = m[(4*i+j)*q+tile*width+f]
			}
		}
		for i, s := range transformed(each, t) {
			for j, s := range s {
				if i < rows && j < cols {
					y[i*row+(2*tile+j)*width+f] = s
				}
			}
		}
	})
}

// winogradGradient sets z to A·d·Aᵀ, where d is a tile of 2×2 pixels.
func winogradGradient[T Float](n, width int, z, d []T, row, q int) {
	if z, ok := float32s(z); ok {
		d, _ := float32s(d)
		channelLoops.winogradGradient(n, width, z, d, row, q)
		return
	}
	each := func(e [4]T) [4]T { return [4]T{e[0], e[0] + e[1], e[0] - e[1], -e[1]} }
	eachTile(n, width, func(tile, f int) {
		var e [4][4]T
		for i := range 2 {
			for j := range 2 {
				e[i][j] = d[i*row+(2*tile+j)*width+f]
			}
		}
		for i, t := range transformed(each, e) {
			for j, t := range t {
				z[(4*i+j)*q+tile*width+f] = t
			}
		}
	})
}

func eachTile(n, width int, do func(tile, f int)) {
	for tile := range n {
		for f := range width {
			do(tile, f)
		}
	}
}

// transformed applies a transformation to the columns of a matrix, then to the
// rows of what that gave.
func transformed[T Float](each func([4]T) [4]T, d [4][4]T) (r [4][4]T) {
	for j := range 4 {
		for i, t := range each([4]T{d[0][j], d[1][j], d[2][j], d[3][j]}) {
			r[i][j] = t
		}
	}
	for i := range r {
		r[i] = each(r[i])
	}
	return r
}
