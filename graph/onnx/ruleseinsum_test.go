package onnx

import "testing"

// TestEinsum: equations of one to three operands, with diagonals, sums over one operand
// alone, dots and results that are not told.
func TestEinsum(t *testing.T) {
	weights := map[string]tensorProto{"a": filters(3, 4), "b": filters(3, 4), "c": filters(4, 5), "e": filters(1, 3, 4)}
	var jobs []job
	for _, tt := range []struct {
		equation, operands string
		input              []int
	}{
		{"nij->nji", "x", []int{0, 3, 4}},
		{"nij->ni", "x", []int{0, 3, 4}},
		{"nij->n", "x", []int{0, 3, 4}},
		{"nii->n", "x", []int{0, 3, 3}},
		{"...ii->...i", "x", []int{0, 2, 3, 3}},
		{"nij,ij->n", "x,a", []int{0, 3, 4}},
		{"nij,ij->nj", "x,a", []int{0, 3, 4}},
		{"nij,jk->nik", "x,c", []int{0, 3, 4}},
		{"...ij,jk->...ik", "x,c", []int{0, 2, 3, 4}},
		{"nij,nkj->nik", "x,x", []int{0, 3, 4}},
		{"nij,ij,jk->nk", "x,a,c", []int{0, 3, 4}},
		{"nij,jk,kl->nil", "x,c,f", []int{0, 3, 4}},
		{"nij,ik->nj", "x,a", []int{0, 3, 4}},
		{"nij,jk", "x,c", []int{0, 3, 4}},
		{"...ij,...ij->...", "x,e", []int{0, 3, 4}},
		{"bij , bij -> bij", "x,x", []int{0, 3, 4}},
	} {
		s := sketch{nodes: "y=Einsum(" + tt.operands + ")", input: tt.input, weights: map[string]tensorProto{"f": filters(5, 2)}}
		for name, w := range weights {
			s.weights[name] = w
		}
		p := s.proto(t)
		p.Graph.Nodes[0].Attributes = []attributeProto{{Name: "equation", Type: attrString, String: tt.equation}}
		p.Graph.Outputs[0].Type = &typeProto{Tensor: &tensorTypeProto{Elem: typeFloat}}
		shape := append([]int{2}, tt.input[1:]...)
		x := noise(product(shape))
		y, _ := computed(t, load(t, marshal(p)), shape, x)
		jobs = append(jobs, newJob(t, tt.equation, marshal(p), shape, x, y))
	}
	runtimeAgrees(t, jobs)
}
