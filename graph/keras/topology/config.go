package topology

import (
	"encoding/json"
	"fmt"
)

// topology is the network. Python writes it within ModelConfig, JavaScript does
// not.
type topology struct {
	Class       string          `json:"class_name"`
	Config      json.RawMessage `json:"config"`
	ModelConfig *topology       `json:"model_config"`
}

// entry is one layer, or a network inside the network.
type entry struct {
	Class   string          `json:"class_name"`
	Raw     json.RawMessage `json:"config"`
	Name    string          `json:"name"`
	Inbound json.RawMessage `json:"inbound_nodes"`

	config config // of a layer, from Raw
}

// config has the settings of every class of layers; a layer uses some of them.
type config struct {
	Name            string          `json:"name"`
	BatchInputShape []*int          `json:"batch_input_shape"`
	BatchShape      []*int          `json:"batch_shape"`
	DataFormat      string          `json:"data_format"`
	Activation      json.RawMessage `json:"activation"`
	UseBias         *bool           `json:"use_bias"`
	Filters         int             `json:"filters"`
	Units           int             `json:"units"`
	KernelSize      pair            `json:"kernel_size"`
	PoolSize        pair            `json:"pool_size"`
	Strides         pair            `json:"strides"`
	Dilation        pair            `json:"dilation_rate"`
	Padding         json.RawMessage `json:"padding"`
	Axis            json.RawMessage `json:"axis"`
	Momentum        *float64        `json:"momentum"`
	Epsilon         *float64        `json:"epsilon"`
	Center          *bool           `json:"center"`
	Scale           json.RawMessage `json:"scale"` // of Rescaling numbers, of BatchNormalization a bool
	Offset          json.RawMessage `json:"offset"`
	Mean            json.RawMessage `json:"mean"`
	Variance        json.RawMessage `json:"variance"`
	Invert          bool            `json:"invert"`
	Rate            float64         `json:"rate"`
	Alpha           *float64        `json:"alpha"`
	NegativeSlope   *float64        `json:"negative_slope"`
	MaxValue        *float64        `json:"max_value"`
	Threshold       float64         `json:"threshold"`
	Groups          *int            `json:"groups"`
	KeepDims        bool            `json:"keepdims"`
	TargetShape     []int           `json:"target_shape"`
	Size            pair            `json:"size"`
	Interpolation   string          `json:"interpolation"`
	Cropping        json.RawMessage `json:"cropping"`
	OutputPadding   json.RawMessage `json:"output_padding"`
	Function        string          `json:"function"` // of a TFOpLambda
}

// title names a layer in an error.
func (e entry) title() string { return fmt.Sprintf("layer %.64q (%.64s)", e.id(), e.Class) }

func (e entry) id() string {
	if e.Name != "" {
		return e.Name
	}
	if e.config.Name == "" {
		var c struct {
			Name string `json:"name"`
		}
		_ = json.Unmarshal(e.Raw, &c) // a list has no name
		return c.Name
	}
	return e.config.Name
}

// pair is height and width: [h,w], or n for both, in the file. 0 means that the
// file does not have it.
type pair struct{ h, w int }

// UnmarshalJSON bounds the numbers.
func (p *pair) UnmarshalJSON(b []byte) error {
	var list []int
	if json.Unmarshal(b, &list) != nil {
		var n *int
		if err := json.Unmarshal(b, &n); err != nil {
			return fmt.Errorf("size %.64s, want [height,width] or a number", b)
		}
		if n == nil {
			return nil
		}
		list = []int{*n}
	}
	switch len(list) {
	case 0:
		return nil
	case 1:
		list = append(list, list[0])
	}
	for _, n := range list {
		if len(list) != 2 || n < 1 || n > maxSide {
			return fmt.Errorf("size %.64s, want numbers in 1..%d for height and width", b, maxSide)
		}
	}
	*p = pair{list[0], list[1]}
	return nil
}

// or is p, or both numbers of the other where p is not there.
func (p pair) or(other pair) pair {
	if p.h == 0 {
		return other
	}
	return p
}

// isTrue reads a setting that is true unless the file says otherwise.
func isTrue(b *bool) bool { return b == nil || *b }

// axes reads one number or a list; the last axis if there is none.
func axes(text json.RawMessage) ([]int, error) {
	list := []int{-1}
	if len(text) == 0 || json.Unmarshal(text, &list) == nil && len(list) > 0 {
		return list, nil
	}
	list = []int{-1}
	if err := json.Unmarshal(text, &list[0]); err != nil {
		return nil, fmt.Errorf("axis %.64s, want a number or a list", text)
	}
	return list, nil
}

// numbers reads one number or a list, otherwise otherwise.
func numbers(text json.RawMessage, otherwise float64) ([]float32, error) {
	var list []float32
	if len(text) == 0 || string(text) == "null" {
		return []float32{float32(otherwise)}, nil
	}
	if json.Unmarshal(text, &list) == nil && len(list) > 0 {
		return list, nil
	}
	list = make([]float32, 1)
	if err := json.Unmarshal(text, &list[0]); err != nil {
		return nil, fmt.Errorf("%.64s, want a number or a list of numbers", text)
	}
	return list, nil
}

// function reads the name of an activation: a string, or, in files of Keras 3, an
// object whose config is the name.
func function(text json.RawMessage) (name string, err error) {
	if len(text) == 0 || json.Unmarshal(text, &name) == nil {
		return name, nil
	}
	var object struct {
		Config string `json:"config"`
	}
	if json.Unmarshal(text, &object) != nil || object.Config == "" {
		return "", fmt.Errorf("the activation %.64s is not supported", text)
	}
	return object.Config, nil
}
