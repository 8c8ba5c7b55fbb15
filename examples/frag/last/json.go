package last

import (
	"runtime"
	"strconv"
)

// memStats appends every field of m under its own name; BySize becomes rows of
// size, mallocs, frees. It allocates nothing as long as b has room.
func memStats(b []byte, m *runtime.MemStats) []byte {
	b = number(b, "Alloc", m.Alloc)
	b = number(b, "TotalAlloc", m.TotalAlloc)
	b = number(b, "Sys", m.Sys)
	b = number(b, "Lookups", m.Lookups)
	b = number(b, "Mallocs", m.Mallocs)
	b = number(b, "Frees", m.Frees)
	b = number(b, "HeapAlloc", m.HeapAlloc)
	b = number(b, "HeapSys", m.HeapSys)
	b = number(b, "HeapIdle", m.HeapIdle)
	b = number(b, "HeapInuse", m.HeapInuse)
	b = number(b, "HeapReleased", m.HeapReleased)
	b = number(b, "HeapObjects", m.HeapObjects)
	b = number(b, "StackInuse", m.StackInuse)
	b = number(b, "StackSys", m.StackSys)
	b = number(b, "MSpanInuse", m.MSpanInuse)
	b = number(b, "MSpanSys", m.MSpanSys)
	b = number(b, "MCacheInuse", m.MCacheInuse)
	b = number(b, "MCacheSys", m.MCacheSys)
	b = number(b, "BuckHashSys", m.BuckHashSys)
	b = number(b, "GCSys", m.GCSys)
	b = number(b, "OtherSys", m.OtherSys)
	b = number(b, "NextGC", m.NextGC)
	b = number(b, "LastGC", m.LastGC)
	b = number(b, "PauseTotalNs", m.PauseTotalNs)
	b = numbers(b, "PauseNs", &m.PauseNs)
	b = numbers(b, "PauseEnd", &m.PauseEnd)
	b = number(b, "NumGC", uint64(m.NumGC))
	b = number(b, "NumForcedGC", uint64(m.NumForcedGC))
	b = name(b, "GCCPUFraction")
	b = strconv.AppendFloat(b, m.GCCPUFraction, 'g', -1, 64)
	b = name(b, "EnableGC")
	b = strconv.AppendBool(b, m.EnableGC)
	b = name(b, "DebugGC")
	b = strconv.AppendBool(b, m.DebugGC)
	b = name(b, "BySize")
	for i := range m.BySize {
		row := &m.BySize[i]
		b = append(b, separator(i)...)
		b = append(b, '[')
		b = strconv.AppendUint(b, uint64(row.Size), 10)
		b = append(b, ',')
		b = strconv.AppendUint(b, row.Mallocs, 10)
		b = append(b, ',')
		b = strconv.AppendUint(b, row.Frees, 10)
		b = append(b, ']')
	}
	return append(b, ']')
}

// name appends a comma and the key; the object has at least one member before it.
func name(b []byte, key string) []byte {
	b = append(b, `,"`...)
	b = append(b, key...)
	return append(b, `":`...)
}

func number(b []byte, key string, value uint64) []byte {
	return strconv.AppendUint(name(b, key), value, 10)
}

func numbers(b []byte, key string, values *[256]uint64) []byte {
	b = name(b, key)
	for i, value := range values {
		b = append(b, separator(i)...)
		b = strconv.AppendUint(b, value, 10)
	}
	return append(b, ']')
}

func separator(i int) string {
	if i == 0 {
		return "["
	}
	return ","
}
