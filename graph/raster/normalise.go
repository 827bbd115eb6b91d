package raster

// Normalisation changes an image's values for a network that was trained on
// (value-mean)/deviation: it has an Affine for each channel. Without channels
// it leaves images as they are.
type Normalisation []Affine

// Affine turns a value v into v·Scale+Shift.
type Affine struct{ Scale, Shift float32 }

// NewNormalisation takes the means and deviations of the channels, as many of
// one as of the other. A deviation of 0 counts as 1: the channel is constant.
func NewNormalisation(mean, deviation []float64) Normalisation {
	var channels Normalisation
	for c, m := range mean {
		scale := 1.0
		if deviation[c] > 0 {
			scale = 1 / deviation[c]
		}
		channels = append(channels, Affine{float32(scale), float32(-m * scale)})
	}
	return channels
}

// Apply changes an image, channel by channel. It rounds the product by itself
// on every processor.
func (n Normalisation) Apply(x []float32) {
	for c, a := range n {
		plane := len(x) / len(n)
		for i, v := range x[c*plane:][:plane] {
			x[c*plane+i] = float32(a.Scale*v) + a.Shift
		}
	}
}
