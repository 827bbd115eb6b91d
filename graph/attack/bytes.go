package attack

import (
	"fmt"
	"math"
)

// Bytes rounds an adversarial picture to what a file of 8 bits a channel holds, multiples of
// 1/255, inside the ball. Each pixel becomes the nearest multiple that is within epsilon of
// the clean pixel. Where that picture is outside of a ball of L2, each pixel becomes the next
// multiple towards the clean one. ok is false if there is no such picture, which cannot be
// where clean is of such multiples itself; x is not changed. What is rounded may fool the
// network no more: predict it.
func Bytes(x, clean []float32, norm Norm, epsilon float64) (rounded []float32, ok bool) {
	rounded, ok = bytes(x, clean, norm, epsilon, nearest)
	if !ok && norm == L2 {
		rounded, ok = bytes(x, clean, norm, epsilon, towards)
	}
	return rounded, ok
}

// bytes rounds to the levels, or to those beside them where they are further than epsilon.
func bytes(x, clean []float32, norm Norm, epsilon float64, levelOf func(v, clean float32) float64) (rounded []float32, ok bool) {
	rounded, ok = make([]float32, len(x)), true
	for i, v := range x {
		lo, hi := interval(clean[i], epsilon)
		level := levelOf(v, clean[i])
		switch r := byteOf(level); {
		case r < lo:
			level++
		case r > hi:
			level--
		}
		rounded[i] = byteOf(level)
		ok = ok && rounded[i] >= lo && rounded[i] <= hi
	}
	return rounded, ok && norm.Inside(rounded, clean, epsilon)
}

// byteOf is a level of 0 to 255 as a pixel.
func byteOf(level float64) float32 { return float32(level) / 255 }

// nearest is the level nearest to v.
func nearest(v, _ float32) float64 { return math.Round(255 * float64(v)) }

// towards is the level next to v on the side of clean.
func towards(v, clean float32) float64 {
	level := math.Round(255 * float64(v))
	if r := byteOf(level); r == v || r == clean {
		return level
	}
	if clean > v {
		return math.Ceil(255 * float64(v))
	}
	return math.Floor(255 * float64(v))
}

// Saved is how an outcome looks when its pictures are saved in 8 bits a channel: each
// successful one is rounded by [Bytes] and predicted once more. Success says whether the
// saved picture fools the network. Pictures that cannot be rounded inside the ball, and
// those without success, stay as they are.
func (v *Victim) Saved(o *Outcome, images [][]float32, classes []int, norm Norm, epsilon float64) (*Outcome, error) {
	if len(o.Images) != len(images) || len(classes) != len(images) {
		return nil, fmt.Errorf("attack: %d results, %d pictures and %d classes, want as many", len(o.Images), len(images), len(classes))
	}
	if err := v.check(images, classes); err != nil {
		return nil, err
	}
	saved := &Outcome{Images: append([]Result(nil), o.Images...), Warnings: o.Warnings}
	var pictures [][]float32
	var at []int
	for i, r := range saved.Images {
		if !r.Success {
			continue
		}
		if x, ok := Bytes(r.Adversarial, images[i], norm, epsilon); ok {
			pictures, at = append(pictures, x), append(at, i)
		} else {
			saved.Images[i].Success = false
		}
	}
	_, predicted, err := v.Predict(pictures)
	if err != nil {
		return nil, err
	}
	for k, i := range at {
		r := &saved.Images[i]
		r.Adversarial, r.Class, r.Success = pictures[k], predicted[k], predicted[k] != classes[i]
	}
	for i := range saved.Images {
		if !saved.Images[i].Success {
			saved.Images[i].By = ""
		}
	}
	return saved, nil
}
