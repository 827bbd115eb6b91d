package raster

import "image"

// Region is a part of a picture, in its pixels from its upper left corner on. It may go
// beyond the picture.
type Region struct{ Left, Top, Right, Bottom float64 }

// Region is the part of a picture that the network sees, which takes images
// (channels,h,w): [Preprocessing.Draw] scales it to w×h. With [Pad] it goes beyond the
// picture where black is, with [Strokes] it lies around them.
func (p Preprocessing) Region(img image.Image, channels, h, w int) (Region, error) {
	if err := drawable(make([]float32, max(0, channels*h*w)), img, channels, h, w); err != nil {
		return Region{}, err
	}
	if p = p.For(channels); p.Fit == Strokes {
		_, box, f, err := strokesAt(img, h, w)
		if err != nil {
			return Region{}, err
		}
		return f.region(box, h, w), nil
	}
	size := img.Bounds().Size()
	return p.frame(size, h, w).region(image.Rectangle{Max: size}, h, w), nil
}

// region is what a canvas of height h and width w shows of the part of a picture in
// box, which is scaled and placed as f says.
func (f frame) region(box image.Rectangle, h, w int) Region {
	x := func(at int) float64 { return float64(box.Min.X) + float64(at)*float64(box.Dx())/float64(f.w) }
	y := func(at int) float64 { return float64(box.Min.Y) + float64(at)*float64(box.Dy())/float64(f.h) }
	return Region{Left: x(f.left), Top: y(f.top), Right: x(f.left + w), Bottom: y(f.top + h)}
}

// At is where a point of the picture lies in the region: 0 is its left or upper edge, 1
// its right or lower one.
func (r Region) At(x, y float64) (across, down float64) {
	return (x - r.Left) / (r.Right - r.Left), (y - r.Top) / (r.Bottom - r.Top)
}

// Inside reports whether a point of the picture lies in the region.
func (r Region) Inside(x, y float64) bool {
	return r.Left <= x && x < r.Right && r.Top <= y && y < r.Bottom
}
