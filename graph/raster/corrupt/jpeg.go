package corrupt

// jpeg makes the picture what is left of it in a JPEG file of a quality from 1 to
// 100. Only what loses something is done: the change to luminance and chrominance,
// chrominance at half the size, the cosine transform of blocks of 8×8, and the
// rounding of its coefficients. All is in whole numbers as in libjpeg ("islow"
// transforms, "fancy" upsampling), so that the result is that of a file which
// libjpeg writes and reads, to the last bit. A picture that has not three channels
// is compressed channel by channel, as a grey one.
func (x *canvas) jpeg(quality int) {
	luma, chroma := quantisers(quality)
	planes := make([][]int32, x.c)
	for k := range planes {
		planes[k] = make([]int32, x.h*x.w)
		for i, v := range x.plane(k) {
			planes[k][i] = int32(toByte(v))
		}
	}
	if x.c == 3 {
		toYCC(planes)
		throughBlocks(planes[0], x.h, x.w, luma)
		for k := 1; k < 3; k++ {
			half, h, w := halve(planes[k], x.h, x.w)
			throughBlocks(half, h, w, chroma)
			planes[k] = double(half, h, w, x.h, x.w)
		}
		fromYCC(planes)
	} else {
		for _, p := range planes {
			throughBlocks(p, x.h, x.w, luma)
		}
	}
	for k, p := range planes {
		for i, v := range p {
			x.plane(k)[i] = float64(v) / 255
		}
	}
}

// The quantisation tables of ITU-T T.81, annex K, row by row.
var lumaTable = [64]int32{
	16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55,
	14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
	18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
	49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
}

var chromaTable = [64]int32{
	17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99,
	24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99,
	99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
	99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
}

// quantisers returns what coefficients are divided by at a quality.
func quantisers(quality int) (luma, chroma [64]int32) {
	scale := int32(200 - 2*quality)
	if quality < 50 {
		scale = int32(5000 / quality)
	}
	for i := range luma {
		luma[i] = max(1, min((lumaTable[i]*scale+50)/100, 255))
		chroma[i] = max(1, min((chromaTable[i]*scale+50)/100, 255))
	}
	return luma, chroma
}

// toYCC makes red, green and blue luminance and two chrominances, with 16 bits
// after the point.
func toYCC(p [][]int32) {
	const half, middle = 1 << 15, 128<<16 + 1<<15 - 1
	for i := range p[0] {
		r, g, b := p[0][i], p[1][i], p[2][i]
		p[0][i] = (19595*r + 38470*g + 7471*b + half) >> 16
		p[1][i] = (-11059*r - 21709*g + 32768*b + middle) >> 16
		p[2][i] = (32768*r - 27439*g - 5329*b + middle) >> 16
	}
}

func fromYCC(p [][]int32) {
	const half = 1 << 15
	for i := range p[0] {
		y, cb, cr := p[0][i], p[1][i]-128, p[2][i]-128
		p[0][i] = toLimits(y + (91881*cr+half)>>16)
		p[1][i] = toLimits(y + (-22554*cb-46802*cr+half)>>16)
		p[2][i] = toLimits(y + (116130*cb+half)>>16)
	}
}

func toLimits(v int32) int32 { return max(0, min(v, 255)) }

// halve returns means of 2×2 pixels; beyond the picture its last pixels go on.
// Halves are rounded up and down in turns.
func halve(v []int32, h, w int) (half []int32, hh, hw int) {
	hh, hw = (h+1)/2, (w+1)/2
	half = make([]int32, hh*hw)
	for i := range half {
		top, left := i/hw*2, i%hw*2
		below, right := min(top+1, h-1), min(left+1, w-1)
		bias := int32(1 + i%hw%2)
		half[i] = (v[top*w+left] + v[top*w+right] + v[below*w+left] + v[below*w+right] + bias) >> 2
	}
	return half, hh, hw
}

// double returns h rows and w columns of what halve returns: each pixel is 9/16
// of the nearest one and the rest its neighbours. Where there are no more than two
// columns, pixels are repeated.
func double(v []int32, hh, hw, h, w int) []int32 {
	to := make([]int32, h*w)
	for i := range to {
		row, col := i/w, i%w
		near := v[row/2*hw:][:hw]
		if hw <= 2 {
			to[i] = near[col/2]
			continue
		}
		far := v[max(0, min(row/2-1+row%2*2, hh-1))*hw:][:hw]
		sum := func(c int) int32 { return 3*near[c] + far[c] }
		next := max(0, min(col/2-1+col%2*2, hw-1))
		to[i] = (3*sum(col/2) + sum(next) + 8 - int32(col%2)) >> 4
	}
	return to
}

// throughBlocks takes blocks of 8×8 to their coefficients and back. Beyond the
// picture its last pixels go on.
func throughBlocks(v []int32, h, w int, q [64]int32) {
	var b [64]int32
	for top := 0; top < h; top += 8 {
		for left := 0; left < w; left += 8 {
			for i := range b {
				b[i] = v[min(top+i/8, h-1)*w+min(left+i%8, w-1)] - 128
			}
			forward(&b)
			for i, c := range b {
				b[i] = divide(c, 8*q[i]) * q[i]
			}
			backward(&b)
			for i, c := range b {
				if row, col := top+i/8, left+i%8; row < h && col < w {
					v[row*w+col] = toLimits(c + 128)
				}
			}
		}
	}
}

// divide returns a/b, rounded, halves away from 0.
func divide(a, b int32) int32 {
	if a < 0 {
		return -((-a + b/2) / b)
	}
	return (a + b/2) / b
}
