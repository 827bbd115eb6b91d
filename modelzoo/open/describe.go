package open

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"tapenet/graph/raster"
)

// Describe returns the name and the content of the description of a foreign model
// that takes images: every setting with the value that it has now, as it was
// said or as it was taken by default, ready to be changed.
func (m Model) Describe() (path string, content []byte, err error) {
	switch {
	case m.Format == SafeTensors || m.Format == NPZ:
		return "", nil, fmt.Errorf("%s says itself how pictures become its input: want a file of another program to describe", m.Path)
	case len(m.Sample) != 3:
		return "", nil, fmt.Errorf("%s takes samples of %s, no images (channels,height,width): there is nothing to describe", m.Path, Shape(m.Sample))
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# How pictures become the input of %s, and what its outputs are called.\n", filepath.Base(m.Path))
	for _, l := range m.lines() {
		text, err := json.Marshal(l.value)
		if err != nil {
			return "", nil, err
		}
		fmt.Fprintf(&b, "\n# %s\n%s = %s\n", l.comment, l.key, strings.ReplaceAll(string(text), ",", ", "))
	}
	return besides(m.Path), b.Bytes(), nil
}

// line is a setting of a description.
type line struct {
	key     string
	value   any
	comment string
}

// lines are the settings of a model's description.
func (m Model) lines() []line {
	d, p := m.description, m.Preprocessing
	values := d.Range
	if values == nil {
		values = []float64{0, 1}
	}
	list := []line{{"input", m.Input, "Channels, height and width of an image."}}
	if m.Format == ONNX {
		list = append(list, line{"layout", d.Layout, `What the file's input is: "nchw" or "nhwc".`})
	}
	list = append(list,
		line{"order", cmp.Or(d.Order, "rgb"), `The order of the file's channels: "rgb" or "bgr".`},
		line{"range", values, "The values of black and white, before mean and deviation: [0, 1], [0, 255], [-1, 1]."},
	)
	if d.Mean != nil {
		list = append(list, line{"mean", d.Mean, "The file's input is (value-mean)/deviation, by channel."}, line{"deviation", d.Deviation, "See mean."})
	}
	list = append(list, line{"fit", p.For(m.Input[0]).Fit, `How a picture gets the size: "crop" its middle, "pad" it with black, "stretch" it, or cut out light "strokes" on black.`})
	if p.Shorter > 0 {
		list = append(list, line{"shorter", p.Shorter, "What the shorter side is scaled to before the middle is taken."})
	}
	list = append(list, line{"filter", cmp.Or(p.Filter, raster.Cubic), `How it is scaled: "cubic" or "linear".`})
	if len(m.outputs) > 0 {
		list = append(list, line{"output", m.output, "The output to use, of " + strings.Join(m.outputs, ", ") + "."})
	}
	if !m.Classifies {
		return list
	}
	return append(list, line{"classes", m.Model.Classes, "The names of the classes, or a text file with one a line."})
}
