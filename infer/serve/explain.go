package serve

import (
	"image"

	"tapenet/infer"
)

// explanation is what a network makes of an image, and why.
type explanation struct {
	prediction infer.Prediction
	saliency   infer.Saliency
	activation infer.ActivationMap // without values for a network that has none
	maps       infer.FeatureMaps   // of the first layer that has any; no values if none has
}

// newExplainer starts a worker that explains one image after the other, with a
// queue of its own, so that explanations do not hold up predictions. They count
// among the requests, not among the batches.
func newExplainer(predict predictFunc, p *infer.Predictor, c Config) *batcher[explanation] {
	c.Batch = 1
	return newBatcher(func(images [][]float32) ([]explanation, error) {
		predictions, err := predict(images)
		if err != nil {
			return nil, err
		}
		if !finite(predictions) {
			return []explanation{{prediction: predictions[0]}}, nil
		}
		e, err := why(p, images[0], predictions[0].Class)
		e.prediction = predictions[0]
		return []explanation{e}, err
	}, c, unseen())
}

// why is an explanation without the prediction.
func why(p *infer.Predictor, image []float32, class int) (e explanation, err error) {
	if len(p.FeatureLayers()) > 0 {
		if e.maps, err = p.FeatureMaps(image, ""); err != nil {
			return e, err
		}
	}
	if h, _ := p.Places(); h > 0 {
		if e.activation, err = p.GradCAM(image, class); err != nil {
			return e, err
		}
	}
	e.saliency, err = p.Saliency(image, class)
	return e, err
}

// explainable answers GET /explain: the models, their classes, and what a page has to know
// to ask for pictures.
func explainable(c *call) ([]byte, error) {
	type entry struct {
		Name       string    `json:"name"`
		Classes    []string  `json:"classes"`
		Input      [3]int    `json:"input"`                // channels, height and width
		Fit        string    `json:"fit"`                  // what becomes of pictures, see raster.Preprocessing
		Thresholds []float64 `json:"thresholds,omitempty"` // of a model whose pictures may have several classes
	}
	entries := []entry{}
	for _, name := range c.server.models.names() {
		m, err := c.server.models.acquire(name, "")
		if err != nil {
			continue // it has just been dropped
		}
		p := m.predictor
		entries = append(entries, entry{m.name, m.classes, m.input, p.Preprocessing().For(m.input[0]).Fit, p.Thresholds()})
		m.users.Done()
	}
	return mustMarshal(struct {
		Models []entry `json:"models"`
	}{entries}), nil
}

// bitmap is a picture or several: bytes from 0 to 255, channel by channel and row
// by row, in base64.
type bitmap struct {
	Channels int    `json:"channels"`
	Height   int    `json:"height"`
	Width    int    `json:"width"`
	Pixels   []byte `json:"pixels"`
}

// maxMaps is how many feature maps an answer has at most.
const maxMaps = 64

// seen is the part of a picture that the network sees, in the picture's pixels from its
// upper left corner on; it may go beyond the picture.
type seen struct {
	Width  int     `json:"width"` // of the whole picture, as it is shown
	Height int     `json:"height"`
	Left   float64 `json:"left"`
	Top    float64 `json:"top"`
	Right  float64 `json:"right"`
	Bottom float64 `json:"bottom"`
}

// explain answers POST /explain?model=NAME&version=N, whose body is that of
// /classify.
func explain(c *call) ([]byte, error) {
	var part seen
	pixels, err := c.picture(func(img image.Image) error {
		r, err := c.model.predictor.Region(img)
		part = seen{img.Bounds().Dx(), img.Bounds().Dy(), r.Left, r.Top, r.Right, r.Bottom}
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := c.Take(c.model.explanationBytes()); err != nil {
		return nil, err
	}
	ctx, cancel := c.inTime(c.Context())
	defer cancel()
	es, err := c.model.explainer.run(ctx, [][]float32{pixels})
	if err != nil {
		return nil, err
	}
	e := es[0]
	if !finite([]infer.Prediction{e.prediction}) {
		return nil, notFinite()
	}
	in := c.model.input
	answer := struct {
		classAnswer
		Picture  bitmap `json:"picture"` // as the network sees it
		Seen     seen   `json:"seen"`    // which part of the one that came that is
		Saliency bitmap `json:"saliency"`

		Activation      *bitmap `json:"activation,omitempty"` // the class activation map, which lies over that part
		ActivationLayer string  `json:"activation_layer,omitempty"`

		Layer string  `json:"layer,omitempty"` // whose feature maps follow
		Maps  *bitmap `json:"maps,omitempty"`  // the first of them, if there are many
	}{
		classAnswer: c.class(e.prediction),
		Picture:     bitmap{in[0], in[1], in[2], levels(pixels)},
		Seen:        part,
		Saliency:    bitmap{1, in[1], in[2], levels(e.saliency.Values)},
		Layer:       e.maps.Layer,
	}
	if a := e.activation; len(a.Values) > 0 {
		answer.Activation, answer.ActivationLayer = &bitmap{1, a.Height, a.Width, levels(a.Values)}, a.Layer
	}
	if e.maps.Channels > 0 {
		answer.Maps = firstMaps(e.maps)
	}
	return mustMarshal(answer), nil
}

// explanationBytes is the memory that the answer to /explain takes, at most: the
// feature maps and the activation map as numbers, as bytes and in base64 while its
// buffer grows, and three such planes of pixels.
func (m *model) explanationBytes() int64 {
	const each = 4 + 1 + 3*4/3
	h, w := m.predictor.Places()
	values := 3*int64(m.values()) + int64(h)*int64(w)
	if layers := m.predictor.FeatureLayers(); len(layers) > 0 {
		values += int64(layers[0].Output.TotalSize())
	}
	return each*values + 4096
}

func firstMaps(f infer.FeatureMaps) *bitmap {
	images := f.Images()
	images = images[:min(len(images), maxMaps)]
	r := &bitmap{Channels: len(images), Height: f.Height, Width: f.Width}
	for _, img := range images {
		r.Pixels = append(r.Pixels, img.Pix...)
	}
	return r
}

// levels turns values in 0..1 into bytes; what lies outside is cut off.
func levels(values []float32) []byte {
	b := make([]byte, len(values))
	for i, v := range values {
		b[i] = byte(255*max(0, min(v, 1)) + 0.5)
	}
	return b
}
