package attack

import "math"

// onto sets d to the smallest step from the picture x, in [0,1], to the plane w·y = b that
// ends in [0,1] as well (Croce and Hein 2020b, equation 3): smallest in the norm. If no
// picture is on the plane it is a step to one that is closest to it. w, and what is short
// of the plane, b - w·x, come as gap; a plane without direction gives no step.
//
// Each pixel moves the way that closes the gap, as far as the norm has it and as there is
// room: by min(λ, room) in L∞, by min(λ·|w|, room) in L2, with the λ for which
//
//	Σ |w|·min(λ·speed, room) = |gap|        speed 1 in L∞, |w| in L2
//
// The left side is concave in λ and made of straight pieces. Newton's method from 0 goes
// from piece to piece and never beyond the solution: it ends when the piece is right.
func (n Norm) onto(d, x, w []float32, gap float64) {
	want, lambda := math.Abs(gap), 0.0
	for range maxPieces {
		var full, slope float64 // closed by pixels without room, and by the others for each λ
		for i, v := range w {
			size := math.Abs(float64(v))
			speed := n.speed(size)
			if r := room(x[i], v, gap); float64(lambda*speed) >= r && lambda > 0 {
				full += float64(size * r)
			} else if r > 0 {
				slope += float64(size * speed)
			}
		}
		if slope == 0 {
			lambda = math.MaxFloat64 // there is no room for more
			break
		}
		next := (want - full) / slope
		if !(next > lambda) {
			break
		}
		lambda = next
	}
	for i, v := range w {
		step := 0.0
		if v != 0 {
			step = min(lambda*n.speed(math.Abs(float64(v))), room(x[i], v, gap))
		}
		if !upwards(v, gap) {
			step = -step
		}
		d[i] = float32(step)
	}
}

// maxPieces is more than Newton's method takes: each step but the last passes a pixel's
// room, and most pass many.
const maxPieces = 100

func (n Norm) speed(size float64) float64 {
	if n == L2 {
		return size
	}
	return 1
}

// upwards reports whether a pixel of weight w closes the gap by growing.
func upwards(w float32, gap float64) bool { return (w > 0) == (gap > 0) }

// room is how far a pixel can go before it leaves [0,1].
func room(x, w float32, gap float64) float64 {
	if upwards(w, gap) {
		return 1 - float64(x)
	}
	return float64(x)
}

// length is the norm of a step.
func (n Norm) length(d []float32) float64 {
	if n == L2 {
		return norm2(d)
	}
	var most float64
	for _, v := range d {
		most = max(most, math.Abs(float64(v)))
	}
	return most
}
