package serve

// TensorFlow Serving's REST API, version 1: predict and model status.

import (
	"net/http"
	"strings"

	"tapenet/infer"
)

// predictV1 answers POST /v1/models/NAME:predict.
func predictV1(c *call) ([]byte, error) {
	target, verb, _ := cutLast(c.PathValue("target"), ':')
	if verb != "predict" {
		return nil, failed(http.StatusNotFound, kindPath, "nothing to POST at %.100q, want /v1/models/NAME:predict", c.URL.Path)
	}
	if err := c.useV1(target, c.useFree); err != nil {
		return nil, err
	}
	body, err := c.body()
	if err != nil {
		return nil, err
	}
	images, key, err := c.imagesV1(body)
	if err != nil {
		return nil, err
	}
	predictions, err := c.predict(c.Context(), images)
	if err != nil {
		return nil, err
	}
	return answerV1(key, predictions), nil
}

// useV1 finds the model of a path whose last part, without its verb, is target, by use or
// useFree.
func (c *call) useV1(target string, use func(name, version string) error) error {
	if name := c.PathValue("name"); name != "" {
		return use(name, target)
	}
	return use(target, "")
}

func cutLast(s string, sep byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, sep); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

// imagesV1 reads a request's images: a list under "instances", of images or of
// objects with an image under "input", or under "inputs" a list of images, or an
// object with one. The key that came says which form the answer has.
func (c *call) imagesV1(body []byte) (images [][]float32, key string, err error) {
	s := &scanner{text: body}
	var refused error
	image := func() {
		if refused = c.room(len(images)); refused != nil {
			s.fail("%v", refused)
			return
		}
		images = append(images, s.pixels(make([]float32, 0, c.model.values()), c.model.input[:]...))
	}
	list := func() { s.array(image) }
	s.object(func(k string) {
		switch k {
		case "instances", "inputs":
			if key != "" {
				s.fail("both instances and inputs, want one of them")
			}
			if key = k; k == "instances" {
				s.array(func() { s.named(image) })
			} else {
				s.named(list)
			}
		case "signature_name":
			if name := s.str(); name != "" && name != "serving_default" {
				s.fail("signature %.100q, want serving_default", name)
			}
		default:
			s.skip()
		}
	})
	switch err := s.end(); {
	case refused != nil:
		return nil, "", refused
	case err != nil:
		return nil, "", malformed("the body is not a predict request in JSON for images of %d×%d×%d: %v", c.model.input[0], c.model.input[1], c.model.input[2], err)
	case len(images) == 0:
		return nil, "", wrongInput(`no images, want {"instances": [image, …]}`)
	}
	return images, key, nil
}

// room tells whether another image may follow n, and counts its memory.
func (c *call) room(n int) error {
	if most := c.server.config.Queue; n == most {
		return tooLarge("more than %d images in a request", most)
	}
	return c.Take(4 * int64(c.model.values()))
}

// named reads a value, or an object that has it under the input's name.
func (s *scanner) named(value func()) {
	if s.next() != '{' {
		value()
		return
	}
	found := false
	s.object(func(key string) {
		if key != inputName {
			s.fail("input %.100q, want %q", key, inputName)
			return
		}
		found = true
		value()
	})
	if !found {
		s.fail("an object without %q", inputName)
	}
}

func answerV1(key string, predictions []infer.Prediction) []byte {
	b := []byte(`{"predictions":[`)
	if key == "inputs" {
		b = []byte(`{"outputs":[`)
	}
	for i, p := range predictions {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '[')
		b = append(appendFloats(b, p.Probabilities), ']')
	}
	return append(b, "]}\n"...)
}

// statusV1 answers GET /v1/models/NAME.
func statusV1(c *call) ([]byte, error) {
	if err := c.useV1(c.PathValue("target"), c.use); err != nil {
		return nil, err
	}
	versions := []string{c.model.version}
	if c.PathValue("name") == "" {
		versions = c.server.models.versions(c.model.name)
	}
	type status struct {
		Version string            `json:"version"`
		State   string            `json:"state"`
		Status  map[string]string `json:"status"`
	}
	all := []status{}
	for _, v := range versions {
		all = append(all, status{v, "AVAILABLE", map[string]string{"error_code": "OK", "error_message": ""}})
	}
	return mustMarshal(map[string][]status{"model_version_status": all}), nil
}
