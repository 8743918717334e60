package data

// memory is a set that keeps its images in memory.
type memory struct {
	name          string
	classes       []string
	height, width int
	channels      int    // 1 (gray, read as three equal planes) or 3
	labels        []byte // one an image
	pixels        []byte // channels·height·width an image, as planes
	mean, std     [3]float64
	hash          string
}

func (m *memory) Name() string                   { return m.name }
func (m *memory) Len() int                       { return len(m.labels) }
func (m *memory) Classes() []string              { return m.classes }
func (m *memory) Size() (height, width int)      { return m.height, m.width }
func (m *memory) Label(i int) int                { return int(m.labels[i]) }
func (m *memory) Normal() (mean, std [3]float64) { return m.mean, m.std }
func (m *memory) Hash() string                   { return m.hash }

func (m *memory) Read(dst []byte, i int) error {
	if err := checkRead(m, dst, i); err != nil {
		return err
	}
	plane := m.height * m.width
	size := m.channels * plane
	image := m.pixels[i*size : (i+1)*size]
	for c := range 3 {
		copy(dst[c*plane:(c+1)*plane], image[min(c, m.channels-1)*plane:])
	}
	return nil
}
