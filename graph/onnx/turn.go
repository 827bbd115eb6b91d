package onnx

import (
	"runtime"
	"slices"
	"sync"

	"tapenet/graph/internal/hugepage"
)

// The weights of a Gemm that wants them transposed, as PyTorch writes it, become
// (in,out) while they are read, so that there are never two copies of them.

// turnedWeights are the weights that one Gemm wants transposed and nobody else
// uses, with that node.
func turnedWeights(nodes []nodeProto, output string) map[string]*nodeProto {
	uses, turned := map[string]int{output: 1}, map[string]*nodeProto{}
	for i := range nodes {
		n := &nodes[i]
		for _, in := range n.Inputs {
			uses[in]++
		}
		if n.Op == "Gemm" && n.transposes() >= 0 {
			turned[n.in(1)] = n
		}
	}
	for name := range turned {
		if uses[name] != 1 {
			delete(turned, name)
		}
	}
	return turned
}

// transposes is the number of the attribute by which a Gemm transposes its
// weights, -1 if it does not.
func (n *nodeProto) transposes() int {
	return slices.IndexFunc(n.Attributes, func(a attributeProto) bool { return a.Name == "transB" && a.Int != 0 })
}

// turnsWeight reports whether a tensor of so many bytes is such a weight, as far
// as the file has been read: nodes come before weights, in most files.
func (in *source) turnsWeight(t *tensorProto, size int64) bool {
	if !in.turn || in.graph == nil || t.Name == "" || len(t.Dims) != 2 || in.left == endless {
		return false
	}
	if in.turns == nil {
		in.turns = map[string]bool{}
		for name := range turnedWeights(in.graph.Nodes, "") {
			in.turns[name] = true
		}
	}
	n, err := t.size()
	return err == nil && n > 0 && int64(4*n) == size && in.turns[t.Name]
}

// turnWeights transposes the weights that are not yet as they are wanted, and
// has their nodes take them as they are.
func (m *Model) turnWeights() {
	turned := turnedWeights(m.nodes, m.output)
	for name, c := range m.constants {
		if c.turned && turned[name] == nil {
			m.constants[name] = c.transposed()
		}
	}
	for name, n := range turned {
		c := m.constants[name]
		if len(c.shape) != 2 || c.ints != nil {
			continue
		}
		if !c.turned {
			c = c.transposed()
			c.turned = true
			m.constants[name] = c
		}
		n.Attributes = slices.Delete(slices.Clone(n.Attributes), n.transposes(), n.transposes()+1)
	}
}

// straight is a matrix as the file has it.
func (c constant) straight() constant {
	if c.turned {
		return c.transposed()
	}
	return c
}

// transposed is the transpose of a matrix.
func (c constant) transposed() constant {
	rows, cols := c.shape[0], c.shape[1]
	t := constant{shape: []int{cols, rows}, floats: hugepage.Make[float32](len(c.floats))}
	for r := 0; r < rows; r += turnBlock {
		for k := range cols {
			for i := r; i < min(r+turnBlock, rows); i++ {
				t.floats[k*rows+i] = c.floats[i*cols+k]
			}
		}
	}
	return t
}

// turnBlock is the number of rows that are transposed at a time: their elements
// fill whole cache lines of the columns.
const turnBlock = 32

// maxTurnBlock is the most elements of such a block.
const maxTurnBlock = 1 << 20

// turnedFloats reads a matrix (rows,cols), and returns its transpose.
func (in *source) turnedFloats(rows, cols int) ([]float32, error) {
	v := hugepage.Make[float32](rows * cols)
	block := make([]float32, max(1, min(turnBlock, rows, maxTurnBlock/cols))*cols)
	err := in.pieces(4*len(v), 4*len(block), func(at int, b []byte) {
		some := block[:len(b)/4]
		singles(some, b)
		columns(cols, func(lo, hi int) { turnRows(v[at/4/cols:], rows, some, cols, lo, hi) })
	})
	return v, err
}

// columns shares columns out over the processors.
func columns(n int, f func(lo, hi int)) {
	parts := min(runtime.GOMAXPROCS(0), max(1, n/256))
	var done sync.WaitGroup
	for p := 1; p < parts; p++ {
		done.Go(func() { f(n*p/parts, n*(p+1)/parts) })
	}
	f(0, n/parts)
	done.Wait()
}

// turnRows puts columns [lo,hi) of some rows into the beginning of rows of to, which
// are so long.
func turnRows(to []float32, length int, rows []float32, cols, lo, hi int) {
	n := len(rows) / cols
	for c := lo; c < hi; c++ {
		column := to[c*length:][:n]
		from := c
		for i := range column {
			column[i] = rows[from]
			from += cols
		}
	}
}
