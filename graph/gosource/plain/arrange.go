package plain

// transpose sets y (cols,rows) from x (rows,cols).
func transpose(y, x []float32, rows, cols int) {
	for r := range rows {
		for c, v := range x[r*cols:][:cols] {
			y[c*rows+r] = v
		}
	}
}

// columns copies rows of x into longer rows of y, from column at on.
func columns(y, x []float32, rows, at int) {
	from, to := len(x)/rows, len(y)/rows
	for r := range rows {
		copy(y[r*to+at:], x[r*from:][:from])
	}
}

// blocks cuts an image (h,w,c) into blocks of n×n pixels, row by row, each
// channel by channel.
func blocks(y, x []float32, h, w, c, n int) {
	for i := range h {
		for j := range w {
			block := y[((i/n)*(w/n)+j/n)*c*n*n:]
			for k, v := range x[(i*w+j)*c:][:c] {
				block[(k*n+i%n)*n+j%n] = v
			}
		}
	}
}
