package serve

import (
	"net/http"
	"runtime/debug"
)

// Names of every model's input and output.
const (
	inputName  = "input"
	outputName = "output"
)

// Names of two more outputs of a model with a threshold, for a request that names
// them: whether an image is of none of the classes, and how well the model knows it.
const (
	unknownName = "unknown" // BOOL, [n]
	scoreName   = "score"   // FP64, [n]
)

// outputs are the names of what a model can answer with.
func (m *model) outputs() []string {
	if m.predictor.Unknown() == nil {
		return []string{outputName}
	}
	return []string{outputName, unknownName, scoreName}
}

// ServerMetadata describes the server.
type ServerMetadata struct {
	Name       string   `json:"name"`
	Version    string   `json:"version"`
	Extensions []string `json:"extensions"`
}

// Metadata describes the server.
func (s *Server) Metadata() ServerMetadata {
	version := "unknown"
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" {
		version = b.Main.Version
	}
	return ServerMetadata{"tapenet", version, []string{"binary_tensor_data", "classification"}}
}

// Ready tells why the server takes no requests, nil if it does.
func (s *Server) Ready() error {
	if s.draining.Load() {
		return failed(http.StatusServiceUnavailable, kindStopping, "the server is shutting down")
	}
	if len(s.models.names()) == 0 {
		return failed(http.StatusServiceUnavailable, kindModel, "no model is loaded")
	}
	return nil
}

// ModelMetadata describes a model.
type ModelMetadata struct {
	Name       string            `json:"name"`
	Versions   []string          `json:"versions"`
	Platform   string            `json:"platform"`
	Inputs     []TensorMetadata  `json:"inputs"`
	Outputs    []TensorMetadata  `json:"outputs"`
	Properties map[string]string `json:"properties"`
}

// TensorMetadata describes an input or output. Dimension -1 is any number.
type TensorMetadata struct {
	Name     string `json:"name"`
	Datatype string `json:"datatype"`
	Shape    []int  `json:"shape"`
}

// inputText is what a model's metadata say of its input.
const inputText = "pixels scaled to 0..1, channel by channel; other datatypes hold the same values, unscaled; BYTES [n] holds picture files"

// Metadata describes a model, of the newest version if version is "".
func (c *Call) Metadata(name, version string) (ModelMetadata, error) {
	if err := c.use(name, version); err != nil {
		return ModelMetadata{}, err
	}
	m := c.model
	outputs := []TensorMetadata{{outputName, floatType, []int{-1, len(m.classes)}}}
	if m.predictor.Unknown() != nil {
		outputs = append(outputs, TensorMetadata{unknownName, boolType, []int{-1}}, TensorMetadata{scoreName, doubleType, []int{-1}})
	}
	return ModelMetadata{
		Name: m.name, Versions: c.server.models.versions(m.name), Platform: "tapenet_gorgonia",
		Inputs:     []TensorMetadata{{inputName, floatType, []int{-1, m.input[0], m.input[1], m.input[2]}}},
		Outputs:    outputs,
		Properties: map[string]string{"classes": string(appendJSON(nil, m.classes)), "input": inputText},
	}, nil
}

// Find tells why there is no such version of a model, nil if there is. The newest is
// meant if version is "".
func (c *Call) Find(name, version string) error { return c.use(name, version) }

func live(*call) ([]byte, error) { return []byte(`{"live":true}`), nil }

func ready(c *call) ([]byte, error) {
	if err := c.server.Ready(); err != nil {
		return nil, err
	}
	return []byte(`{"ready":true}`), nil
}

func serverMetadata(c *call) ([]byte, error) { return mustMarshal(c.server.Metadata()), nil }

func modelMetadata(c *call) ([]byte, error) {
	m, err := c.Metadata(c.PathValue("name"), c.PathValue("version"))
	if err != nil {
		return nil, err
	}
	return mustMarshal(m), nil
}

func modelReady(c *call) ([]byte, error) {
	if err := c.Find(c.PathValue("name"), c.PathValue("version")); err != nil {
		return nil, err
	}
	return mustMarshal(struct {
		Name  string `json:"name"`
		Ready bool   `json:"ready"`
	}{c.model.name, true}), nil
}
