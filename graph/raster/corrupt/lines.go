package corrupt

import "math"

// lineReach is how far from a line's middle, in pixels up and down, it is seen.
const lineReach = 2.3

// line returns what a line from column c0 and row r0 to column c1 and row r1 adds
// to a picture: 1 in its middle, less above and below by 1+ln(1-d/2.3), from
// column ⌊c0⌋ up to but without ⌈c1⌉. (A column below 0 counts from the right
// side, as in the published code; it happens where a zigzag ends in a spike.)
func line(h, w int, c0, r0, c1, r1 float64) []float64 {
	to := make([]float64, h*w)
	if c0 == c1 {
		return to
	}
	slope := (r1 - r0) / (c1 - c0)
	for col := column(math.Floor(c0), w); col < column(math.Ceil(c1), w); col++ {
		middle := float64(slope*(float64(col)-c0)) + r0
		for row := range h {
			d := min(math.Abs(float64(row)-middle), lineReach-1e-10)
			to[row*w+col] = clip(log(1-d/lineReach) + 1)
		}
	}
	return to
}

func column(c float64, w int) int {
	if c < 0 {
		c += float64(w)
	}
	return int(max(0, min(c, float64(w))))
}

// add adds strength times the values of one channel to every channel.
func (x *canvas) add(v []float64, strength float64) {
	for k := range x.c {
		p := x.plane(k)
		for i := range p {
			p[i] = clip(p[i] + float64(strength*v[i]))
		}
	}
}

// rows returns a row where a line may begin: any but the last.
func (s *stream) row(h int) float64 { return float64(s.r.IntN(max(1, h-1))) }

// dottedLine draws a line from the left side at row r0 to the right side at row
// r1, in dashes of two columns with gaps of two.
func (x *canvas) dottedLine(r0, r1, strength float64) {
	dots := line(x.h, x.w, 0, r0, float64(x.w-1), r1)
	for i := range dots {
		if i%x.w%4 < 2 {
			dots[i] = 0
		}
	}
	x.add(dots, strength)
}

// zigzag draws a line that goes up and down by 2 pixels, 2 pixels from turn to
// turn, about the line from column 2 at row r0 to the third column from the right
// at row r1.
func (x *canvas) zigzag(r0, r1, strength float64) {
	cols, rows := zigzagTurns(2, r0, float64(x.w-3), r1)
	for i := 1; i < len(cols); i++ {
		x.add(line(x.h, x.w, cols[i-1], rows[i-1], cols[i], rows[i]), strength)
	}
}

// zigzagTurns returns the places where the zigzag turns, which are laid out along
// a horizontal line and then turned.
func zigzagTurns(c0, r0, c1, r1 float64) (cols, rows []float64) {
	const a, b = 2.0, 2.0 // half a period's length, and the height
	if c1 <= c0 {
		return nil, nil
	}
	slope := (r1 - r0) / (c1 - c0)
	cos := 1 / math.Sqrt(1+float64(slope*slope))
	sin := slope * cos
	length := (c1 - c0) / cos
	place := func(c, r float64) {
		cols = append(cols, float64(c*cos)-float64(r*sin)+c0)
		rows = append(rows, float64(c*sin)+float64(r*cos)+r0)
	}
	place(0, 0)
	height := b
	for i := range int(math.Floor((length-a)/(2*a))) + 1 {
		height = b
		if i%2 == 1 {
			height = -b
		}
		place(float64(float64(2*i+1)*a), height)
	}
	if last := float64(2 * a * math.Floor(length/(2*a))); length != last {
		place(length, height/(2*(length-last)))
	}
	return cols, rows
}

// stripe inverts the columns at both sides, n of them each.
func (x *canvas) stripe(n int) {
	for i, v := range x.pix {
		if col := i % x.w; col < n || col >= x.w-n {
			x.pix[i] = 1 - v
		}
	}
}
