package tfjs

import (
	"encoding/json"
	"errors"
	"fmt"
)

// file is model.json.
type file struct {
	Topology *topology `json:"modelTopology"`
	Manifest []group   `json:"weightsManifest"`
}

// topology is the network. Python writes it within ModelConfig, JavaScript does
// not.
type topology struct {
	Class       string          `json:"class_name"`
	Config      json.RawMessage `json:"config"`
	ModelConfig *topology       `json:"model_config"`
}

// entry is one layer.
type entry struct {
	Class   string          `json:"class_name"`
	Config  config          `json:"config"`
	Name    string          `json:"name"`
	Inbound json.RawMessage `json:"inbound_nodes"`
}

// config has the settings of every class of layers; a layer uses some of them.
type config struct {
	Name            string          `json:"name"`
	BatchInputShape []*int          `json:"batch_input_shape"`
	BatchShape      []*int          `json:"batch_shape"`
	DataFormat      string          `json:"data_format"`
	Activation      string          `json:"activation"`
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
	Scale           *bool           `json:"scale"`
	Rate            float64         `json:"rate"`
	Alpha           *float64        `json:"alpha"`
	NegativeSlope   *float64        `json:"negative_slope"`
	MaxValue        *float64        `json:"max_value"`
	Threshold       float64         `json:"threshold"`
	Groups          *int            `json:"groups"`
	KeepDims        bool            `json:"keepdims"`
}

// title names a layer in an error.
func (e entry) title() string { return fmt.Sprintf("layer %.64q (%.64s)", e.Config.Name, e.Class) }

// pair is one number for height and width: [n,n] or n in the file. 0 means that
// the file does not have it.
type pair int

// UnmarshalJSON refuses different numbers.
func (p *pair) UnmarshalJSON(b []byte) error {
	var list []int
	if json.Unmarshal(b, &list) != nil {
		var n *int
		if err := json.Unmarshal(b, &n); err != nil {
			return err
		}
		if n == nil {
			return nil
		}
		list = []int{*n}
	}
	if len(list) == 0 {
		return nil
	}
	for _, n := range list {
		if n != list[0] || n < 1 || n > maxSide {
			return fmt.Errorf("size %.64s, want equal numbers in 1..%d for height and width", b, maxSide)
		}
	}
	*p = pair(list[0])
	return nil
}

// maxSide bounds kernels, strides and paddings.
const maxSide = 1 << 12

// chain returns the layers in order.
func (t *topology) chain() ([]entry, error) {
	if t.ModelConfig != nil {
		t = t.ModelConfig
	}
	var layers struct {
		Layers []entry `json:"layers"`
	}
	if t.Class == "Sequential" && json.Unmarshal(t.Config, &layers.Layers) == nil { // old files have the list alone
		return sequence(layers.Layers)
	}
	if err := json.Unmarshal(t.Config, &layers); err != nil {
		return nil, fmt.Errorf("layers: %w", err)
	}
	switch t.Class {
	case "Sequential":
		return sequence(layers.Layers)
	case "Model", "Functional":
		return ordered(layers.Layers)
	}
	return nil, fmt.Errorf("the model's class is %.64q, want Sequential, Model or Functional", t.Class)
}

func sequence(layers []entry) ([]entry, error) {
	if len(layers) == 0 {
		return nil, errors.New("no layers")
	}
	return layers, nil
}

// ordered follows a functional model from its input to its output.
func ordered(layers []entry) ([]entry, error) {
	next := map[string]entry{} // by the layer before
	for _, e := range layers {
		from, err := e.from()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.title(), err)
		}
		if _, two := next[from]; two {
			return nil, fmt.Errorf("%s: not the only layer behind %.64q, want a chain", e.title(), from)
		}
		next[from] = e
	}
	var chain []entry
	for e, ok := next[""]; ok; e, ok = next[e.id()] {
		if len(chain) == len(layers) {
			return nil, errors.New("the layers form a circle, want a chain")
		}
		chain = append(chain, e)
	}
	if len(chain) == 0 || len(chain) < len(layers) {
		return nil, fmt.Errorf("%d of %d layers lie on the way from an input, want a chain", len(chain), len(layers))
	}
	return chain, nil
}

func (e entry) id() string {
	if e.Name != "" {
		return e.Name
	}
	return e.Config.Name
}

// from returns the name of the layer before, "" for the input. The file has
// [[["name",0,0,{}]]], or [] for the input.
func (e entry) from() (string, error) {
	var nodes [][][]json.RawMessage
	if len(e.Inbound) > 0 {
		if err := json.Unmarshal(e.Inbound, &nodes); err != nil {
			return "", fmt.Errorf("inbound_nodes: %w", err)
		}
	}
	if len(nodes) == 0 {
		return "", nil
	}
	var name string
	if len(nodes) != 1 || len(nodes[0]) != 1 || len(nodes[0][0]) == 0 || json.Unmarshal(nodes[0][0][0], &name) != nil || name == "" {
		return "", errors.New("more than one input or use, want a chain")
	}
	return name, nil
}
