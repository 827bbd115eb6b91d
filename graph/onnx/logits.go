package onnx

// Logits returns the model without the Softmax over classes that it ends in: its
// output is what that Softmax reads. ok is false if it ends in another node; then
// the model is m itself.
func (m *Model) Logits() (logits *Model, ok bool) {
	for i := range m.nodes {
		n := &m.nodes[i]
		if n.Outputs[0] != m.output || n.Op != "Softmax" {
			continue
		}
		axis := -1 // the last, by the newer rule
		if m.opset < 13 {
			axis = 1 // all from this one on
		}
		for _, a := range n.Attributes {
			if a.Name == "axis" {
				axis = int(a.Int)
			}
		}
		if axis != 1 && axis != -1 {
			return m, false
		}
		without := *m
		without.output = n.Inputs[0]
		without.nodes = append(append([]nodeProto{}, m.nodes[:i]...), m.nodes[i+1:]...)
		return &without, true
	}
	return m, false
}
