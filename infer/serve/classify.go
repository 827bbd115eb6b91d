package serve

import (
	"bytes"
	"errors"
	"image"
	"io"
	"mime"
	"mime/multipart"
	"strings"

	"tapenet/infer"
)

// classify answers POST /classify?model=NAME&version=N. The body is a picture, or
// a form with one. There is no need to name the only model.
func classify(c *call) ([]byte, error) {
	pixels, err := c.picture(nil)
	if err != nil {
		return nil, err
	}
	predictions, err := c.predict(c.Context(), [][]float32{pixels})
	if err != nil {
		return nil, err
	}
	return mustMarshal(c.class(predictions[0])), nil
}

// classAnswer says what is in a picture.
type classAnswer struct {
	Model         string    `json:"model"`
	Version       string    `json:"version"`
	Class         string    `json:"class"`
	Labels        []string  `json:"labels,omitempty"` // of a model whose pictures may have several classes; Class has all of them
	Classes       []string  `json:"classes"`
	Probabilities []float32 `json:"probabilities"`

	// Of a model with a threshold alone: whether the picture is of none of the classes,
	// and how well the model knows it.
	Unknown *bool    `json:"unknown,omitempty"`
	Score   *float64 `json:"score,omitempty"`
}

func (c *call) class(p infer.Prediction) classAnswer {
	a := classAnswer{Model: c.model.name, Version: c.model.version, Class: p.Label, Labels: p.Labels, Classes: c.model.classes, Probabilities: p.Probabilities}
	if c.model.predictor.Unknown() != nil {
		a.Unknown, a.Score = &p.Unknown, &p.Score
	}
	return a
}

// picture finds the model, and prepares the picture in the body for it; look gets it as
// it is, unless it is nil.
func (c *call) picture(look func(image.Image) error) ([]float32, error) {
	name, err := c.modelName()
	if err != nil {
		return nil, err
	}
	if err := c.useFree(name, c.URL.Query().Get("version")); err != nil {
		return nil, err
	}
	body, err := c.body()
	if err != nil {
		return nil, err
	}
	file, err := c.file(body)
	if err != nil {
		return nil, err
	}
	return c.pixels(c.Context(), file, look)
}

func (c *call) modelName() (string, error) {
	if name := c.URL.Query().Get("model"); name != "" {
		return name, nil
	}
	names := c.server.models.names()
	if len(names) != 1 {
		return "", wrongInput("which model? want ?model=NAME with %s", oneOf(names))
	}
	return names[0], nil
}

// file is the picture's: the body, or the one part of a form.
func (c *call) file(body []byte) ([]byte, error) {
	kind, params, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil || !strings.HasPrefix(kind, "multipart/") {
		return body, nil
	}
	if err := c.Take(2 * int64(len(body))); err != nil { // the part, which grows while it is read
		return nil, err
	}
	r := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	part, err := r.NextPart()
	if err != nil {
		return nil, malformed("the body is not a multipart form with a picture: %v", err)
	}
	file, err := io.ReadAll(part)
	if err != nil {
		return nil, malformed("broken multipart form: %v", err)
	}
	if _, err := r.NextPart(); !errors.Is(err, io.EOF) {
		return nil, malformed("the form does not end after one part, want a picture alone")
	}
	return file, nil
}
