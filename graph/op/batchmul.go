package op

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"tapenet/graph/internal/kernel"
)

// KindBatchMul is the kind of [BatchMul].
const KindBatchMul Kind = "BatchMul"

// Products are the parameters of [BatchMul]. The zero value multiplies the
// operands as they are.
type Products struct {
	A, B           View    // the matrices of the operands; the rows or the columns of each lie side by side
	TransA, TransB bool    // exchange the last two dimensions of A, of B
	Scale          float64 // of the result; 0 means 1
	Axes           []int   // the result's dimensions in the order that it has in memory, columns last; nil: as they come
}

// BatchMul multiplies matrices in pairs: a is (…,M,K), b is (…,K,N), the other
// dimensions are equal, and the result is (…,M,N). [Mul] is the product with one
// matrix, of weights.
//
// It is what attention consists of. With queries, keys and values side by side in
// one tensor x (N,L,3·H·D) of H heads, each of D numbers,
//
//	heads := func(i int) op.View { // (N,H,L,D)
//		return op.View{From: i * h * d, Shape: []int{n, h, l, d}, Steps: []int{l * 3 * h * d, d, 3 * h * d, 1}}
//	}
//	scores, err := op.BatchMul(x, x, op.Products{A: heads(0), B: heads(1), TransB: true, Scale: 1 / math.Sqrt(d)}) // (N,H,L,L)
//	shares, err := op.SoftMax(scores)
//	y, err := op.BatchMul(shares, x, op.Products{B: heads(2), Axes: []int{0, 2, 1, 3}}) // (N,L,H,D)
//
// without a copy of anything.
func BatchMul(a, b *gorgonia.Node, p Products) (*gorgonia.Node, error) {
	if err := check(KindBatchMul, a, b); err != nil {
		return nil, err
	}
	va, err := matricesOf(p.A, p.TransA, a.Shape())
	if err != nil {
		return nil, err
	}
	vb, err := matricesOf(p.B, p.TransB, b.Shape())
	if err != nil {
		return nil, err
	}
	outer := len(va.Shape) - 2
	if !slices.Equal(va.Shape[:outer], vb.Shape[:len(vb.Shape)-2]) || va.Shape[outer+1] != vb.Shape[len(vb.Shape)-2] {
		return nil, fmt.Errorf("BatchMul: operands are %v and %v, want (…,M,K) and (…,K,N)", tensor.Shape(va.Shape), tensor.Shape(vb.Shape))
	}
	if p.Scale == 0 {
		p.Scale = 1
	}
	out, vy, err := p.result(va, vb)
	if err != nil {
		return nil, err
	}
	p.A, p.TransA, p.B, p.TransB = va, false, vb, false
	m, k, n := va.Shape[outer], va.Shape[outer+1], vb.Shape[outer+1]
	ka, kb, ky := matrices(va, a.Shape()), matrices(vb, b.Shape()), matrices(vy, out)
	detail := fmt.Sprintf("%d of %dx%dx%d", len(ky.At), m, k, n)
	return apply(spec{kind: KindBatchMul, detail: detail, shape: out, mulAdds: len(ky.At) * m * n * k, params: p},
		kernel.NewBatchMul[float32](m, n, k, ka, kb, ky, p.Scale), kernel.NewBatchMul[float64](m, n, k, ka, kb, ky, p.Scale), a, b)
}

// Products returns the parameters of a [BatchMul], with their defaults filled
// in: both views are there and show the matrices as they are multiplied, so that
// TransA and TransB are false.
func (d Description) Products() Products {
	p, _ := d.paramsOf(KindBatchMul).(Products)
	return p
}

// matricesOf is the view of an operand.
func matricesOf(v View, trans bool, shape tensor.Shape) (View, error) {
	v, err := v.of(shape)
	if err != nil {
		return v, fmt.Errorf("BatchMul: %w", err)
	}
	if len(v.Shape) < 2 {
		return v, fmt.Errorf("BatchMul: operand is %v, want (…,rows,columns)", tensor.Shape(v.Shape))
	}
	if trans {
		v = v.swapped()
	}
	rows, cols := View{Shape: v.Shape[len(v.Shape)-2:], Steps: v.Steps[len(v.Shape)-2:]}.strides()
	if rows == 0 && cols == 0 {
		return v, fmt.Errorf("BatchMul: matrices %v have steps %v, want rows or columns side by side", tensor.Shape(v.Shape), v.Steps)
	}
	return v, nil
}

// strides are the distances of rows and of columns of a matrix, as the kernel
// wants them: one is 0 for elements side by side, the other reaches over them.
// Both are 0 for a matrix that does not lie like that.
func (v View) strides() (rows, cols int) {
	m, n, sm, sn := v.Shape[0], v.Shape[1], v.Steps[0], v.Steps[1]
	switch {
	case (sn == 1 || n == 1) && (sm >= n || m == 1):
		return max(sm, n), 0
	case (sm == 1 || m == 1) && (sn >= m || n == 1):
		return 0, max(sn, m)
	}
	return 0, 0
}

// result is the shape of the result, and the view of its matrices.
func (p *Products) result(a, b View) (tensor.Shape, View, error) {
	shape := slices.Clone(a.Shape)
	last := len(shape) - 1
	shape[last] = b.Shape[last]
	axes := p.Axes
	if axes == nil {
		axes = upTo(len(shape))
	}
	if sorted := slices.Sorted(slices.Values(axes)); !slices.Equal(sorted, upTo(len(shape))) || axes[last] != last {
		return nil, View{}, fmt.Errorf("BatchMul: axes %v, want each of 0 to %d, and %[2]d last", axes, last)
	}
	out := make(tensor.Shape, len(shape))
	for i, a := range axes {
		out[i] = shape[a]
	}
	memory := whole(out)
	v := View{Shape: shape, Steps: make([]int, len(shape))}
	for i, a := range axes {
		v.Steps[a] = memory.Steps[i]
	}
	return out, v, nil
}

// matrices tells the kernel of a view of a tensor of the given shape.
func matrices(v View, shape tensor.Shape) kernel.Matrices {
	outer := len(v.Shape) - 2
	rows, cols := View{Shape: v.Shape[outer:], Steps: v.Steps[outer:]}.strides()
	shared := v.repeats()
	return kernel.Matrices{
		At: v.places(outer), Stride: max(rows, cols), Turned: rows == 0,
		Shared: shared, Parts: !shared && tensor.Shape(v.Shape).TotalSize() < shape.TotalSize(),
	}
}
