package open

import (
	"fmt"
	"os"
	"path/filepath"

	"tapenet/graph"
	"tapenet/graph/onnx"
	"tapenet/graph/weights"
	"tapenet/modelzoo"
)

// openOwn reads a file that train or export wrote.
func (m *Model) openOwn() error {
	var err error
	if m.Format == NPZ {
		m.Model, err = loadNPZ(m.Path)
	} else {
		m.Model, err = weights.LoadModel(m.Path)
	}
	if err != nil {
		return err
	}
	m.Sample, m.Classifies, m.SoftMax = m.Input[:], true, m.Thresholds == nil
	if err := m.sized(m.Input[1], m.Input[2]); err != nil {
		return err
	}
	if spec, err := modelzoo.Lookup(m.Name); err == nil {
		m.Layer = spec.New(len(m.Classes))
		return nil
	}
	network := filepath.Join(filepath.Dir(m.Path), NetworkFile)
	if _, err := os.Stat(network); err != nil || m.Name != "" {
		return nil
	}
	m.Layer, err = onnx.Open(network)
	return err
}

// Network returns the layer, or an error if the file is of a network that is not in
// modelzoo: such a file has its weights alone.
func (m Model) Network() (graph.Layer, error) {
	if m.Layer != nil {
		return m.Layer, nil
	}
	if m.Name == "" {
		return nil, fmt.Errorf("%s is of a network that is not in modelzoo, and there is no %s beside it: read it with model, err := weights.LoadModel(%[1]q), build the network's layer, and call infer.New(layer, model)", m.Path, NetworkFile)
	}
	_, err := modelzoo.Lookup(m.Name)
	return nil, fmt.Errorf("%s: %w", m.Path, err)
}

func loadNPZ(path string) (weights.Model, error) {
	f, err := weights.LoadNPZ(path)
	if err != nil {
		return weights.Model{}, err
	}
	m, err := f.Model()
	if err != nil {
		return m, fmt.Errorf("%s: %w, as export -to npz writes it; weights.LoadNPZ reads other files", path, err)
	}
	return m, nil
}
