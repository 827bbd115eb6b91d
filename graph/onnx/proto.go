package onnx

// The messages of ONNX's onnx.proto (version IR 8), as far as an image network
// has them. The numbers in the methods are the numbers of its fields.

type modelProto struct {
	IR        int64
	Producer  string
	Graph     *graphProto
	Opsets    []opsetProto
	Metadata  []entryProto
	Functions []functionProto
}

func (m *modelProto) fields(w *wire) {
	w.integer(1, &m.IR, false)
	w.text(2, &m.Producer, false)
	one(w, 7, &m.Graph)
	list(w, 8, &m.Opsets)
	list(w, 14, &m.Metadata)
	list(w, 25, &m.Functions)
}

// functionProto is an operator that a file defines by nodes.
type functionProto struct {
	Name     string
	Inputs   []string
	Outputs  []string
	Nodes    []nodeProto
	Opsets   []opsetProto
	Domain   string
	Defaults []attributeProto
}

func (f *functionProto) fields(w *wire) {
	w.text(1, &f.Name, false)
	w.texts(4, &f.Inputs)
	w.texts(5, &f.Outputs)
	list(w, 7, &f.Nodes)
	list(w, 9, &f.Opsets)
	w.text(10, &f.Domain, false)
	list(w, 11, &f.Defaults)
}

type opsetProto struct {
	Domain  string // "" for ONNX's own ops
	Version int64
}

func (o *opsetProto) fields(w *wire) {
	w.text(1, &o.Domain, false)
	w.integer(2, &o.Version, false)
}

type entryProto struct{ Key, Value string }

func (e *entryProto) fields(w *wire) {
	w.text(1, &e.Key, false)
	w.text(2, &e.Value, false)
}

type graphProto struct {
	Nodes        []nodeProto // operands before their results
	Name         string
	Initializers []tensorProto
	Inputs       []valueProto
	Outputs      []valueProto
	Values       []valueProto // what the file says of other values
}

func (g *graphProto) fields(w *wire) {
	if w.in != nil && w.in.graph == nil { // not of a branch
		w.in.graph = g
	}
	list(w, 1, &g.Nodes)
	w.text(2, &g.Name, false)
	list(w, 5, &g.Initializers)
	list(w, 11, &g.Inputs)
	list(w, 12, &g.Outputs)
	list(w, 13, &g.Values)
}

type nodeProto struct {
	Inputs     []string // "" for an optional one that is left out
	Outputs    []string
	Name       string
	Op         string
	Attributes []attributeProto
	Domain     string
}

func (n *nodeProto) fields(w *wire) {
	w.texts(1, &n.Inputs)
	w.texts(2, &n.Outputs)
	w.text(3, &n.Name, false)
	w.text(4, &n.Op, false)
	list(w, 5, &n.Attributes)
	w.text(7, &n.Domain, false)
}

// Types of attributes.
const (
	attrFloat  = 1
	attrInt    = 2
	attrString = 3
	attrTensor = 4
	attrGraph  = 5
	attrFloats = 6
	attrInts   = 7
)

type attributeProto struct {
	Name    string
	Float   float32
	Int     int64
	String  string
	Tensor  *tensorProto
	Graph   *graphProto // a branch
	Floats  []float32
	Ints    []int64
	Strings []string
	Type    int64
	Ref     string // in a function: the attribute of the node that calls it
}

func (a *attributeProto) fields(w *wire) {
	w.text(1, &a.Name, false)
	w.float(2, &a.Float, a.Type == attrFloat)
	w.integer(3, &a.Int, a.Type == attrInt)
	w.text(4, &a.String, a.Type == attrString)
	one(w, 5, &a.Tensor)
	one(w, 6, &a.Graph)
	w.floats(7, &a.Floats)
	w.integers(8, &a.Ints)
	w.texts(9, &a.Strings)
	w.integer(20, &a.Type, false)
	w.text(21, &a.Ref, false)
}

// Types of a tensor's elements.
const (
	typeFloat  = 1
	typeUint8  = 2
	typeInt8   = 3
	typeUint16 = 4
	typeInt16  = 5
	typeInt32  = 6
	typeInt64  = 7
	typeText   = 8
	typeBool   = 9
	typeHalf   = 10
	typeDouble = 11
	typeUint32 = 12
	typeUint64 = 13
	typeBfloat = 16
)

type tensorProto struct {
	Dims     []int64
	Type     int64
	Floats   []float32
	Int32s   []int64
	Int64s   []int64
	Name     string
	Raw      []byte // little endian, in place of the lists; floats are read into their list
	Doubles  []byte // little endian
	Uint64s  []int64
	Place    int64 // 1 for a file of its own, which External says
	External []entryProto

	turned bool // the floats are a matrix that was transposed while it was read
}

func (t *tensorProto) fields(w *wire) {
	w.integers(1, &t.Dims)
	w.integer(2, &t.Type, false)
	w.floats(4, &t.Floats)
	w.integers(5, &t.Int32s)
	w.integers(7, &t.Int64s)
	w.text(8, &t.Name, false)
	t.data(w)
	w.raw(10, &t.Doubles)
	w.integers(11, &t.Uint64s)
	list(w, 13, &t.External)
	w.integer(14, &t.Place, false)
}

type valueProto struct {
	Name string
	Type *typeProto
}

func (v *valueProto) fields(w *wire) {
	w.text(1, &v.Name, false)
	one(w, 2, &v.Type)
}

// typeProto is the type of a value. Of a value that is no tensor it is known what it
// is, no more.
type typeProto struct {
	Tensor                          *tensorTypeProto
	Sequence, Map, Sparse, Optional *anyProto
}

func (t *typeProto) fields(w *wire) {
	one(w, 1, &t.Tensor)
	one(w, 4, &t.Sequence)
	one(w, 5, &t.Map)
	one(w, 8, &t.Sparse)
	one(w, 9, &t.Optional)
}

// anyProto is a message of which nothing is read.
type anyProto struct{}

func (*anyProto) fields(*wire) {}

type tensorTypeProto struct {
	Elem  int64
	Shape *shapeProto
}

func (t *tensorTypeProto) fields(w *wire) {
	w.integer(1, &t.Elem, false)
	one(w, 2, &t.Shape)
}

type shapeProto struct{ Dims []dimProto }

func (s *shapeProto) fields(w *wire) { list(w, 1, &s.Dims) }

// dimProto is a number or a name, such as that of the batch size.
type dimProto struct {
	Value int64
	Param string
}

func (d *dimProto) fields(w *wire) {
	w.integer(1, &d.Value, false)
	w.text(2, &d.Param, false)
}
