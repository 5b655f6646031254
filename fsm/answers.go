package fsm

import (
	"container/heap"
	"errors"
	"time"

	"cofre/fsm/command"
	"cofre/fsm/model"
	"cofre/fsm/state"
	"cofre/fsm/table"
)

// CommandsLive is how long results are remembered, and how old a command may be (RULES 2).
const CommandsLive = 2 * time.Minute

// maxAnswerRow is how many bytes of answers a row takes before the next ones get a row of their own.
const maxAnswerRow = 256 << 10

// answers remembers what commands were answered. The rows have the answers; which commands have one is kept in memory
// too, because every command asks and hardly one ever finds something. It is read from the rows when there is none, after
// a start, a restore, or a batch that was not committed.
type answers struct {
	rows map[command.ID]answerPlace
	past byUntil      // all rows
	open *openAnswers // of the entry that is being applied
}

type answerPlace struct {
	first model.Pos
	n     int
}

type openAnswers struct {
	ids  state.AnswerIDs
	list state.AnswerList
	size int
}

func loadAnswers(r table.Reader) *answers {
	a := &answers{rows: map[command.ID]answerPlace{}}
	for row := range state.Answered.All(r, "") {
		heap.Push(&a.past, pastAnswers{AnswerIDs: *row})
		for i := range len(row.IDs) / len(command.ID{}) {
			a.rows[idAt(row, i)] = answerPlace{row.First, i}
		}
	}
	return a
}

func idAt(row *state.AnswerIDs, i int) command.ID {
	n := len(command.ID{})
	return command.ID(row.IDs[i*n : (i+1)*n])
}

var errNoAnswer = errors.New("an answer is missing")

// find gives the answer that a command got before.
func (a *answers) find(r table.Reader, id command.ID) (command.Result, bool) {
	p, ok := a.rows[id]
	if !ok {
		return command.Result{}, false
	}
	var list *state.AnswerList
	if a.open != nil && a.open.list.First == p.first {
		list = &a.open.list
	} else if list, ok = state.Answers.Get(r, state.PosKey(p.first)); !ok || p.n >= len(list.List) {
		panic(table.Failure{Op: "read an answer", Err: errNoAnswer})
	}
	return command.Result{Index: p.first.Index(), Body: list.List[p.n].Body, Err: list.List[p.n].Err}, true
}

// add remembers the answer to a command at a position; until is the moment of the answer, or a later one.
func (a *answers) add(tx *table.Tx, pos model.Pos, until model.Time, id command.ID, res command.Result) {
	if a.open != nil && a.open.size > maxAnswerRow {
		a.store(tx)
	}
	if a.open == nil {
		a.open = &openAnswers{ids: state.AnswerIDs{First: pos}, list: state.AnswerList{First: pos}}
	}
	o := a.open
	a.rows[id] = answerPlace{o.list.First, len(o.list.List)}
	o.ids.IDs = append(o.ids.IDs, id[:]...)
	o.ids.Until = max(o.ids.Until, until)
	o.list.List = append(o.list.List, state.Answer{Body: res.Body, Err: res.Err})
	o.size += len(res.Body)
}

// store writes what was added since.
func (a *answers) store(tx *table.Tx) {
	if a.open == nil {
		return
	}
	o := a.open
	heap.Push(&a.past, pastAnswers{o.ids, &[2]table.Hash{state.Answered.Add(tx, &o.ids), state.Answers.Add(tx, &o.list)}})
	a.open = nil
}

// forget removes at most n rows of answers that are too old to be asked for again.
func (a *answers) forget(tx *table.Tx, at model.Time, n int) {
	limit := at.Add(-CommandsLive)
	for ; n > 0 && len(a.past) > 0 && a.past[0].Until < limit; n-- {
		row := heap.Pop(&a.past).(pastAnswers)
		for i := range len(row.IDs) / len(command.ID{}) {
			delete(a.rows, idAt(&row.AnswerIDs, i))
		}
		key := state.PosKey(row.First)
		if row.added == nil {
			state.Answered.Delete(tx, key)
			state.Answers.Delete(tx, key)
			continue
		}
		state.Answered.Remove(tx, key, row.added[0])
		state.Answers.Remove(tx, key, row.added[1])
	}
}

// pastAnswers are the rows of one position; the answers themselves are in the store only.
type pastAnswers struct {
	state.AnswerIDs
	added *[2]table.Hash // of the row and of that with the answers, so that nothing reads them to forget them; nil: they were there at the start
}

// byUntil is a heap of rows: the first one is forgotten first.
type byUntil []pastAnswers

func (h byUntil) Len() int { return len(h) }
func (h byUntil) Less(i, j int) bool {
	return h[i].Until < h[j].Until || h[i].Until == h[j].Until && h[i].First < h[j].First
}
func (h byUntil) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *byUntil) Push(row any) { *h = append(*h, row.(pastAnswers)) }

// Pop implements heap.Interface.
func (h *byUntil) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
