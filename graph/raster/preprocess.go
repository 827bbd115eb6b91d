package raster

import (
	"errors"
	"fmt"
	"image"
	"math"
	"slices"
	"strings"
)

// The ways in which a picture of another size gets the network's, for
// Preprocessing.
const (
	Crop    = "crop"    // cover the network's size, and take the middle
	Pad     = "pad"     // go into the network's size as a whole, with black beside it
	Stretch = "stretch" // become as wide and as high as the network's, whatever its shape
	Strokes = "strokes" // become light strokes on black, as MNIST has them: see strokes
)

// The filters that scale a picture, for Preprocessing. Both grow wider when a
// picture becomes smaller, so that every pixel counts, as Pillow's of these names.
const (
	Cubic  = "cubic"  // of Catmull and Rom
	Linear = "linear" // triangles
)

// Preprocessing says how a picture becomes the input of a network. It travels
// with the model: whatever trains, predicts, serves or exports a network reads
// pictures by the same value. The zero value is of networks for pixels in 0..1.
type Preprocessing struct {
	// Fit is Crop, Pad, Stretch or Strokes. "" is Strokes for a network of one
	// channel and Stretch for others.
	Fit string `json:"fit,omitempty"`
	// Shorter is the length, in pixels, that the picture's shorter side is scaled
	// to before Crop takes the middle: 256 for 224×224 is usual. 0 is the least
	// that covers the network's size.
	Shorter int `json:"shorter,omitempty"`
	// Filter is Cubic or Linear; "" is Cubic.
	Filter string `json:"filter,omitempty"`
	// Mean and Deviation have a number for each channel if the network takes
	// (pixel-Mean)/Deviation of pixels in 0..1, where a Deviation of 0 means 1.
	// They are nil if it takes the pixels themselves.
	Mean      []float64 `json:"mean,omitempty"`
	Deviation []float64 `json:"deviation,omitempty"`
}

// Check returns an error unless p can be applied for a network that takes images
// (channels,h,w).
func (p Preprocessing) Check(channels, h, w int) error {
	fits, filters := []string{"", Crop, Pad, Stretch, Strokes}, []string{"", Cubic, Linear}
	notFinite := func(v float64) bool { return v-v != 0 }
	switch {
	case !slices.Contains(fits, p.Fit):
		return fmt.Errorf("fit %.64q, want %s", p.Fit, strings.Join(fits[1:], ", "))
	case !slices.Contains(filters, p.Filter):
		return fmt.Errorf("filter %.64q, want %s", p.Filter, strings.Join(filters[1:], " or "))
	case p.Shorter != 0 && p.Fit != Crop:
		return fmt.Errorf("a shorter side of %d with fit %q, want it with %s alone", p.Shorter, p.Fit, Crop)
	case p.Shorter != 0 && (p.Shorter < max(h, w) || p.Shorter > maxShorter):
		return fmt.Errorf("a shorter side of %d pixels, want %d to %d for images of %d×%d, or 0", p.Shorter, max(h, w), maxShorter, h, w)
	case p.Fit == Strokes && channels != 1:
		return fmt.Errorf("fit %s for %d channels, want 1", Strokes, channels)
	case p.Mean == nil && p.Deviation == nil:
		return nil
	case len(p.Mean) != channels || len(p.Deviation) != channels:
		return fmt.Errorf("%d means and %d deviations, want one of each for each of %d channels", len(p.Mean), len(p.Deviation), channels)
	case slices.ContainsFunc(p.Mean, notFinite) || slices.ContainsFunc(p.Deviation, notFinite):
		return fmt.Errorf("means %v and deviations %v, want finite numbers", p.Mean, p.Deviation)
	case slices.Min(p.Deviation) < 0:
		return fmt.Errorf("deviations %v, want 0 or more", p.Deviation)
	}
	return nil
}

// maxShorter bounds the size that a picture is scaled to.
const maxShorter = 1 << 14

// For is p with the Fit that "" means for a network of so many channels.
func (p Preprocessing) For(channels int) Preprocessing {
	switch {
	case p.Fit != "":
	case channels == 1:
		p.Fit = Strokes
	default:
		p.Fit = Stretch
	}
	return p
}

// Draw writes the pixels of a picture to x: values in 0..1, (channels,h,w), as
// they are before Mean and Deviation are applied. With 3 channels they are red,
// green and blue, with 1 channel grey: the luma of ITU-R BT.601. Transparent pixels
// count as white; for [Strokes] as black if nothing could be seen on white. Safe for
// concurrent use.
//
// [Cubic] is in the arithmetic of CatmullRom in golang.org/x/image/draw, bit for bit:
// networks have been trained on its pixels. A JPEG's colours are converted to bytes
// before.
func (p Preprocessing) Draw(x []float32, img image.Image, channels, h, w int) error {
	if err := drawable(x, img, channels, h, w); err != nil {
		return err
	}
	if p = p.For(channels); p.Fit == Strokes {
		made, err := strokes(img, h, w)
		copy(x, made)
		return err
	}
	c := canvases.Get().(*canvas)
	defer canvases.Put(c)
	c.resize(h, w)
	k := catmullRom
	if p.Filter == Linear {
		k = bilinear
	}
	c.draw(img, k, p.frame(img.Bounds().Size(), h, w))
	planes(x, c.Pix, channels)
	return nil
}

// Normalisation is what the network takes of pixels: by Mean and Deviation.
func (p Preprocessing) Normalisation() Normalisation { return NewNormalisation(p.Mean, p.Deviation) }

func drawable(x []float32, img image.Image, channels, h, w int) error {
	switch {
	case img == nil || img.Bounds().Empty():
		return errors.New("the picture is empty")
	case channels != 1 && channels != 3:
		return fmt.Errorf("%d channels, want 1 or 3 for pictures", channels)
	case h < 1 || w < 1 || len(x) != channels*h*w:
		return fmt.Errorf("room for %d values, want %d channels of %d×%d", len(x), channels, h, w)
	}
	return nil
}

// frame says what becomes of a picture: it is scaled to h×w pixels, whose pixel
// (top,left) is the canvas' first one. A negative place leaves black before it.
type frame struct{ h, w, top, left int }

// frame is that of a picture of some size on a canvas of height h and width w.
func (p Preprocessing) frame(size image.Point, h, w int) frame {
	f := frame{h: h, w: w}
	switch {
	case p.Fit == Stretch:
		return f
	case p.Shorter > 0: // the longer side is cut off to whole pixels, as torchvision's Resize does
		f.h = max(p.Shorter, p.Shorter*size.Y/size.X)
		f.w = max(p.Shorter, p.Shorter*size.X/size.Y)
	case p.Fit == Crop:
		f.h, f.w = max(h, rounded(size.Y*w, size.X)), max(w, rounded(size.X*h, size.Y))
	default:
		f.h, f.w = max(1, min(h, rounded(size.Y*w, size.X))), max(1, min(w, rounded(size.X*h, size.Y)))
	}
	f.top, f.left = half(f.h-h), half(f.w-w)
	return f
}

// rounded is a/b, rounded.
func rounded(a, b int) int { return (2*a + b) / (2 * b) }

// half is n/2, rounded to even as torchvision's CenterCrop does.
func half(n int) int { return int(math.RoundToEven(float64(n) / 2)) }
