package onnx

import (
	"fmt"

	"tapenet/graph/raster"
)

// picturesName is the input of a file that prepares pictures itself.
const picturesName = "pictures"

// preprocessOpset is the first version whose Resize can widen its filter, so that
// every pixel of a picture that becomes smaller counts.
const preprocessOpset = 18

// version is the version of the operators that a file has.
func (o Options) version() int {
	if o.Preprocessing != nil {
		return preprocessOpset
	}
	return opset
}

// preprocess writes what raster.Preprocessing does to pictures, (N,H,W,3) bytes of
// red, green and blue, of any size but alike in a batch, up to the network's input
// (N,channels,h,w): it is scaled, placed, rounded to bytes, made grey, normalised.
// Pictures with transparent pixels have to be drawn on white before.
func (e *exporter) preprocess(p raster.Preprocessing, sample []int) error {
	if len(sample) != 3 || sample[0] != 1 && sample[0] != 3 {
		return fmt.Errorf("samples are %v, want images of 1 or 3 channels for pictures", sample)
	}
	c, h, w := sample[0], sample[1], sample[2]
	if err := p.Check(c, h, w); err != nil {
		return err
	}
	if p.Fit == "" || p.Fit == raster.Strokes {
		return fmt.Errorf("pictures become strokes, which no graph can do: want fit %s, %s or %s", raster.Crop, raster.Pad, raster.Stretch)
	}
	x := e.emit("Cast", []string{picturesName}, attributeInt("to", typeFloat))
	x = e.emit("Transpose", []string{x}, attributeInts("perm", 0, 3, 1, 2))
	x = e.placed(x, p, h, w)
	if c == 1 {
		x = e.grey(x)
	}
	x = e.emit("Div", []string{x, e.scalar(255)})
	if n := p.Normalisation(); n != nil {
		var scale, shift []float32
		for _, a := range n {
			scale, shift = append(scale, a.Scale), append(shift, a.Shift)
		}
		x = e.emit("Mul", []string{x, e.channels("scale", scale)})
		x = e.emit("Add", []string{x, e.channels("shift", shift)})
	}
	e.graph.Nodes = append(e.graph.Nodes, nodeProto{Op: "Identity", Name: inputName, Inputs: []string{x}, Outputs: []string{inputName}})
	return nil
}

// channels writes a number for each channel of images.
func (e *exporter) channels(name string, values []float32) string {
	name = e.unique(name)
	e.weight(name, []int{1, len(values), 1, 1}, values)
	return name
}

// placed scales pictures (N,3,H,W) in 0..255 and places them on (h,w), rounded as
// raster does: to 16 bits, of which the upper 8 are taken.
func (e *exporter) placed(x string, p raster.Preprocessing, h, w int) string {
	size := e.emit("Shape", []string{x}, attributeInt("start", 2))
	to := e.frame(size, p, h, w)
	x = e.resized(x, to, p.Filter)
	x = e.emit("Mul", []string{x, e.scalar(257)})
	x = e.emit("Floor", []string{e.emit("Add", []string{x, e.scalar(0.5)})})
	x = e.emit("Clip", []string{x, e.scalar(0), e.scalar(0xffff)})
	x = e.emit("Floor", []string{e.emit("Mul", []string{x, e.scalar(1.0 / 256)})})
	switch p.Fit {
	case raster.Crop:
		start := e.half(e.emit("Sub", []string{to, e.shape(h, w)}))
		return e.emit("Slice", []string{x, start, e.emit("Add", []string{start, e.shape(h, w)}), e.shape(2, 3)})
	case raster.Pad:
		free := e.emit("Sub", []string{e.shape(h, w), to})
		before := e.half(free)
		pads := e.emit("Concat", []string{before, e.emit("Sub", []string{free, before})}, attributeInt("axis", 0))
		return e.emit("Pad", []string{x, pads, e.scalar(0), e.shape(2, 3)})
	}
	return x
}

// frame writes the height and width that pictures of a size are scaled to, as
// raster's frame has them; all are vectors of two integers.
func (e *exporter) frame(size string, p raster.Preprocessing, h, w int) string {
	if p.Fit == raster.Stretch {
		return e.shape(h, w)
	}
	turned := e.emit("Gather", []string{size, e.shape(1, 0)}) // width and height
	if p.Shorter > 0 {
		longer := e.emit("Div", []string{e.emit("Mul", []string{size, e.shape(p.Shorter, p.Shorter)}), turned})
		return e.emit("Max", []string{longer, e.shape(p.Shorter, p.Shorter)})
	}
	twice := e.emit("Mul", []string{size, e.shape(2*w, 2*h)}) // rounded: (2a+b)/2b
	other := e.emit("Div", []string{e.emit("Add", []string{twice, turned}), e.emit("Mul", []string{turned, e.shape(2, 2)})})
	if p.Fit == raster.Crop {
		return e.emit("Max", []string{other, e.shape(h, w)})
	}
	return e.emit("Max", []string{e.emit("Min", []string{other, e.shape(h, w)}), e.shape(1, 1)})
}

// half writes n/2, rounded to even.
func (e *exporter) half(n string) string {
	x := e.emit("Mul", []string{e.emit("Cast", []string{n}, attributeInt("to", typeFloat)), e.scalar(0.5)})
	return e.emit("Cast", []string{e.emit("Round", []string{x})}, attributeInt("to", typeInt64))
}

// resized scales images (N,C,H,W) to a height and a width.
func (e *exporter) resized(x, to, filter string) string {
	shape := e.emit("Shape", []string{x}, attributeInt("end", 2))
	sizes := e.emit("Concat", []string{shape, to}, attributeInt("axis", 0))
	attributes := []attributeProto{attributeInt("antialias", 1), attributeInt("exclude_outside", 1), attributeText("coordinate_transformation_mode", "half_pixel")}
	if filter == raster.Linear {
		attributes = append(attributes, attributeText("mode", "linear"))
	} else {
		attributes = append(attributes, attributeText("mode", "cubic"), attributeFloat("cubic_coeff_a", -0.5))
	}
	return e.emit("Resize", []string{x, "", "", sizes}, attributes...)
}

// grey writes the luma of bytes (N,3,h,w), in integers of 16 bits behind the point.
func (e *exporter) grey(x string) string {
	weights := e.unique("luma")
	e.weight(weights, []int{1, 3, 1, 1}, []float32{19595, 38470, 7471})
	sum := e.emit("Conv", []string{x, weights})
	sum = e.emit("Add", []string{sum, e.scalar(1 << 15)})
	return e.emit("Floor", []string{e.emit("Mul", []string{sum, e.scalar(1.0 / (1 << 16))})})
}

// describePictures is the input of a file that prepares pictures itself.
func describePictures() valueProto {
	dims := []dimProto{{Param: "batch"}, {Param: "height"}, {Param: "width"}, {Value: 3}}
	return valueProto{Name: picturesName, Type: &typeProto{Tensor: &tensorTypeProto{Elem: typeUint8, Shape: &shapeProto{dims}}}}
}
