package serve

import (
	"bytes"
	"errors"
	"image"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"tapenet/infer"
)

// What a picture can take while it is unpacked and scaled, in bytes. The scaler
// keeps one of its rows, and what each row and column weighs.
const (
	pixelBytes  = 16 // a pixel: 8 of 16-bit colours, or 3 of YCbCr and 12 of a progressive JPEG's coefficients
	columnBytes = 64 // a column: 32 of the row's four channels in float64, 32 of up to four weights
	rowBytes    = 32 // a row: four weights
	scaledBytes = 64 // a value of the network's input: it itself, and of its pixel 32 of sums in float64 and 4 of colours
)

// classify answers POST /classify?model=NAME&version=N. The body is a picture, or
// a form with one. There is no need to name the only model.
func classify(c *call) ([]byte, error) {
	pixels, err := c.picture()
	if err != nil {
		return nil, err
	}
	predictions, err := c.predict([][]float32{pixels})
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
	Classes       []string  `json:"classes"`
	Probabilities []float32 `json:"probabilities"`

	// Of a model with a threshold alone: whether the picture is of none of the classes,
	// and how well the model knows it.
	Unknown *bool    `json:"unknown,omitempty"`
	Score   *float64 `json:"score,omitempty"`
}

func (c *call) class(p infer.Prediction) classAnswer {
	a := classAnswer{Model: c.model.name, Version: c.model.version, Class: p.Label, Classes: c.model.classes, Probabilities: p.Probabilities}
	if c.model.predictor.Unknown() != nil {
		a.Unknown, a.Score = &p.Unknown, &p.Score
	}
	return a
}

// picture finds the model, and prepares the picture in the body for it.
func (c *call) picture() ([]float32, error) {
	name, err := c.modelName()
	if err != nil {
		return nil, err
	}
	if err := c.use(name, c.URL.Query().Get("version")); err != nil {
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
	return c.pixels(file)
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
	if err := c.take(2 * int64(len(body))); err != nil { // the part, which grows while it is read
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

// pixels unpacks a picture, if there is memory for the size that it claims.
func (c *call) pixels(file []byte) ([]float32, error) {
	size, _, err := image.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return nil, notPicture(err)
	}
	row := pixelBytes*int64(size.Width) + rowBytes
	besides := columnBytes*int64(size.Width) + scaledBytes*int64(c.model.values())
	if most := c.server.config.Memory; int64(size.Height) > (most-besides)/row { // their product might overflow
		return nil, tooLarge("a picture of %d×%d needs more memory than the %d bytes that the server has for requests", size.Width, size.Height, most)
	}
	if err := c.take(row*int64(size.Height) + besides); err != nil {
		return nil, err
	}
	img, err := infer.DecodeImage(bytes.NewReader(file))
	if err != nil {
		return nil, notPicture(err)
	}
	pixels, err := c.model.predictor.Pixels(img)
	if err != nil {
		return nil, wrongInput("%s", strings.TrimPrefix(err.Error(), "infer: "))
	}
	return pixels, nil
}

func notPicture(err error) error {
	return failed(http.StatusBadRequest, kindMalformed, "want a PNG or JPEG picture: %s", strings.TrimPrefix(err.Error(), "infer: "))
}
