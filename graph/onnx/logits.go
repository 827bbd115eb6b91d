package onnx

// Logits returns the model without the Softmax over classes, or the Sigmoid, that it ends in: its
// output is what that node reads. activation is the node's operator; it is "" if the model ends
// in another node, and the model then is m itself.
func (m *Model) Logits() (logits *Model, activation string) {
	for i := range m.nodes {
		n := &m.nodes[i]
		if n.Outputs[0] != m.output || n.Op != "Softmax" && n.Op != "Sigmoid" {
			continue
		}
		if n.Op == "Softmax" && !m.overClasses(n) {
			return m, ""
		}
		without := *m
		without.output = n.Inputs[0]
		without.nodes = append(append([]nodeProto{}, m.nodes[:i]...), m.nodes[i+1:]...)
		return &without, n.Op
	}
	return m, ""
}

// overClasses reports whether a Softmax of (N,classes) is over the classes.
func (m *Model) overClasses(n *nodeProto) bool {
	axis := -1 // the last, by the newer rule
	if m.opset < 13 {
		axis = 1 // all from this one on
	}
	for _, a := range n.Attributes {
		if a.Name == "axis" {
			axis = int(a.Int)
		}
	}
	return axis == 1 || axis == -1
}
