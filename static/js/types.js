// The shapes that travel between the page's modules. Only comments: nothing here runs.

/**
 * A typed array, as a tensor of a frame holds it.
 * @typedef {Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array | BigInt64Array | Float32Array
 *   | Float64Array} TypedArray
 */

/**
 * One tensor of a frame, row-major.
 * @typedef {{ dtype: string, shape: number[], data: TypedArray }} Tensor
 */

/**
 * One decoded binary message.
 * @typedef {object} Frame
 * @property {string} kind `data`, `history`, `steps`, `scores`, `graph`, `ensemble` or `boundary`.
 * @property {string} run
 * @property {number} seq Rises with every frame of a run.
 * @property {Record<string, string>} meta Everything in `__metadata__`.
 * @property {Record<string, Tensor>} tensors
 */

/**
 * A run as a list has it (docs/protocol.md, List of runs). Times are in seconds since 1970.
 * @typedef {object} ListedRun
 * @property {string} id
 * @property {string | null} name
 * @property {string} title What the page calls it.
 * @property {boolean} pinned
 * @property {number} opened_at
 * @property {number} used_at
 * @property {number | null} expires_at `null`: it does not.
 * @property {number} step
 * @property {"playing" | "paused" | "kept"} state
 * @property {number} viewers
 * @property {string | null} experiment
 * @property {boolean} search
 * @property {{ network: string, title: string, dataset: string,
 *   lanes: { name: string, dropout: number[], kind: string }[] } | null} trains `null`: another version opened it.
 * @property {{ step: number[], train_loss: (number | null)[][], val_loss: (number | null)[][] } | null} curves Rows, of all lanes.
 */

/**
 * @typedef {object} RunList
 * @property {ListedRun[]} runs
 * @property {string[]} gone
 * @property {string[]} unread
 * @property {{ status: "ok" | "failing" | "off", problem: string | null }} store
 * @property {number | null} keep_days
 * @property {number} now
 */

/**
 * One knob of the schema: all that a control needs.
 * @typedef {object} Knob
 * @property {string} name
 * @property {string} label
 * @property {string} help One sentence.
 * @property {"number" | "integer" | "boolean" | "choice" | "text"} type
 * @property {*} default
 * @property {boolean} live Whether it can move while the run trains.
 * @property {string} unit
 * @property {string} group Where it stands: of a run `data`, `network`, `training`; of a lane `main`, `dropout`,
 *   `regularisers`, `own`, `class`.
 * @property {"linear" | "log"} scale
 * @property {number} [smallest] Of a logarithmic scale that begins at 0, which is off: the least value beside it.
 * @property {boolean} [optional] Whether it takes `null`, the value of the run.
 * @property {string} [formula]
 * @property {string} [pytorch]
 * @property {string} [keras]
 * @property {number} [step]
 * @property {number} [min] Of a text: its least length.
 * @property {number} [max] Of a text: its greatest length.
 * @property {{ value: string, help: string, title?: string }[]} [choices]
 * @property {boolean} [items] Whether its value is a list.
 * @property {number} [min_items]
 * @property {number} [max_items]
 * @property {Record<string, string[]>} [only_for] For which values of which knobs beside it it means something.
 */

/**
 * One panel of the page.
 * @typedef {object} Panel
 * @property {string} id
 * @property {string} title
 * @property {string} about One sentence.
 * @property {string} group Under which heading the Views menu lists it.
 * @property {number} height In pixels, roughly.
 * @property {boolean} insight Whether a worker makes it while it is open, as frames of the kind of its id.
 * @property {boolean} own_networks Of an insight, whether it is of networks of its own and not of the run’s at its step.
 */

/**
 * What `GET /api/schema` answers.
 * @typedef {object} Schema
 * @property {Knob[]} run
 * @property {Knob[]} lane
 * @property {Knob[]} search
 * @property {number} max_lanes
 * @property {Config} defaults
 * @property {Record<string, Record<string, Config>>} recommended By network, then data set: those that go together.
 * @property {Panel[]} panels In the order of the Views menu.
 * @property {Command[]} commands What may be said to a run.
 * @property {Dropout[]} dropouts The kinds of dropout; frames name them by their place.
 * @property {NetworkKind[]} networks The kinds of network, the usual one first.
 */

/**
 * One thing that may be said to a run, and who may say it.
 * @typedef {{ name: string, by: "owner" | "viewer", arguments: Argument[] }} Command
 */

/**
 * One argument of a command: its type and its limits; `null` says what it means where it is null.
 * @typedef {{ name: string, needed: boolean, type: string, min?: number, max?: number, max_items?: number, choices?: string[],
 *   null?: string }} Argument
 */

/**
 * One kind of dropout; `trainer/settings/dropouts.py` says what each of this is.
 * @typedef {object} Dropout
 * @property {string} name
 * @property {string} title
 * @property {"units" | "weights" | "factors"} counted What a bit of its masks stands for.
 * @property {"training" | "evaluation" | "nowhere"} scaled Where its scale is put right.
 * @property {boolean} balanced Whether as much arrives in evaluation as in training.
 * @property {Record<"member" | "members" | "mask" | "alike" | "whole" | "loses" | "verb" | "gone" | "made" | "effect", string>} phrases
 */

/**
 * One family of places where a network can drop; `each` is the knob that has a number for each of them.
 * @typedef {{ family: string, each: "" | "channels" | "hidden", together: string, aside: boolean }} Family
 */

/** @typedef {Family & { name: string }} Place */

/**
 * One kind of network; `trainer/settings/networks/base.py` says what each of this is.
 * @typedef {object} NetworkKind
 * @property {string} name
 * @property {string} title
 * @property {string} article
 * @property {string} one
 * @property {string} several
 * @property {string} reads
 * @property {string} read
 * @property {string} manner
 * @property {boolean} signed
 * @property {"unit" | "kernel" | "none"} first
 * @property {string} groups_of
 * @property {Family[]} places
 */

/**
 * One network of a run. What is `null` is as the run has it.
 * @typedef {object} Lane
 * @property {string} name
 * @property {number[]} dropout One rate for each place that can drop (`placesOf`).
 * @property {boolean} batch_norm
 * @property {string} dropout_kind
 * @property {number[]} spatial_dropout One rate for each convolution.
 * @property {string} recurrent_mask
 * @property {string} schedule
 * @property {number} schedule_steps
 * @property {number} l1
 * @property {number} l2
 * @property {number} weight_decay
 * @property {number} max_norm
 * @property {number} label_smoothing
 * @property {number} input_noise
 * @property {number} patience
 * @property {number | null} learning_rate
 * @property {number | null} seed
 * @property {number[] | null} hidden
 * @property {number | null} train_size
 * @property {number} [restarts] How often it has begun anew.
 * @property {boolean} [averaged] Whether it takes part in the average of the networks.
 */

/**
 * A whole configuration.
 * @typedef {object} Config
 * @property {string} network
 * @property {string} dataset
 * @property {string} table The id of an uploaded table, or empty.
 * @property {number} train_size
 * @property {number} label_noise
 * @property {number} data_noise
 * @property {number[]} channels Feature maps of each convolution.
 * @property {number[]} hidden
 * @property {number} batch_size
 * @property {number} learning_rate
 * @property {string} optimizer
 * @property {string} mask
 * @property {string} batch_norm_order
 * @property {number} seed
 * @property {Lane[]} lanes
 */

/**
 * One change made to a run, in force from update `step` on.
 * @typedef {{ step: number, lane?: number, knobs: Record<string, *> }} Change
 */

/**
 * A place that can drop. `unit_name` and `units_name` are what one unit and all of them are called, with places for their numbers.
 * @typedef {object} Layer
 * @property {string} name
 * @property {number} units
 * @property {number[]} shape
 * @property {string} family
 * @property {number | null} width Which of a lane's own widths its last dimension has; `null`: that of the run.
 * @property {boolean} dense Whether a dense layer reads it.
 * @property {number[]} tied The dimensions over which a group shares one mask value; without any there are no groups.
 * @property {string} group What a group is called.
 * @property {string} unit_name
 * @property {string} units_name
 * @property {string} band What it is called beside the raster; empty: as the layer.
 */

/**
 * When early stopping froze a lane, and which weights it got back.
 * @typedef {{ step: number, best_step: number, best_loss: number }} Stop
 */

/**
 * At which step a lane diverged, and the last change before it that concerned the lane; `null`: with the knobs that it started with.
 * @typedef {{ step: number, after: Change | null }} Divergence
 */

/**
 * One column of an uploaded table; `reason` says what was made of it, and why.
 * @typedef {object} Column
 * @property {string} name
 * @property {"number" | "category" | "label" | "ignored"} kind
 * @property {number} missing
 * @property {number} values How many different ones there are.
 * @property {string} reason
 * @property {[string, number][]} [missing_texts] What stands for no value, each with how often it does.
 * @property {[string, number][]} [marks] What often stands for no value and is one here, likewise.
 * @property {boolean} [numbers] Whether its cells are read as numbers.
 * @property {boolean} [codes] Whether they could be, and are taken as codes.
 * @property {Decision} [decided] What the reader decided of it.
 * @property {boolean} [trouble] Whether it cannot be read as what it is said to be.
 */

/**
 * What a reader decides of a column (docs/protocol.md).
 * @typedef {{ kind?: Column["kind"], missing?: string[], merge_case?: boolean, numbers?: boolean }} Decision
 */

/** @typedef {Record<string, Decision>} Decisions By the name of the column. */

/**
 * What is known of a table's columns, whether anything can be learnt from it or not.
 * @typedef {object} Reading
 * @property {string | null} label
 * @property {Column[]} columns
 * @property {Decisions} [decisions]
 * @property {{ line: number, cells: string[], read: (string | null)[] }[]} [preview] The first rows, as they came and as they
 *   were understood.
 */

/**
 * What the server made of an uploaded table.
 * @typedef {object} Table
 * @property {string} id
 * @property {string} name
 * @property {number} rows
 * @property {string} label The column that is learnt.
 * @property {string[]} classes
 * @property {number[]} class_counts
 * @property {number} features How many numbers describe a row.
 * @property {Column[]} columns
 * @property {string[]} sentences
 * @property {Decisions} [decisions]
 * @property {Reading["preview"]} [preview]
 * @property {Partial<Config>} config One that can learn from it.
 */

/**
 * The state of a run, as `hello` carries it; of `changed` it has all but the changes, which come as what is new.
 * @typedef {object} Run
 * @property {string | null} [name] What its owner calls it.
 * @property {number | null} [keep_days] For how long it is kept when nobody uses it; nothing where runs are not kept.
 * @property {string} id
 * @property {"playing" | "paused"} state
 * @property {number} step
 * @property {number | null} steps_per_second `null`: as fast as it goes.
 * @property {Config} config As it is now.
 * @property {Config} first_config As it was at step 0.
 * @property {Change[]} changes
 * @property {{ lane: number, example: number }} follow
 * @property {number | null} contrast The lane that the followed one is held against.
 * @property {Dropout[]} dropouts The schema’s, by which its frames name kinds; put here when the state arrives, as `network` is.
 * @property {NetworkKind} network Its record.
 * @property {number} viewers
 * @property {string} device
 * @property {Layer[]} layers The places that can drop, in forward order.
 * @property {string[]} classes
 * @property {string[]} features The names of a table’s numbers.
 * @property {(Stop | null)[]} stopped One for each lane.
 * @property {(Divergence | null)[]} diverged One for each lane.
 * @property {number} train_size
 * @property {number} val_size
 * @property {number} batches_per_epoch
 * @property {string | null} experiment The id of the experiment that it belongs to.
 * @property {number | null} stop_at The step at which it pauses by itself.
 * @property {{ members: number, masks: "per_member" | "per_example" }} ensemble
 * @property {{ run: string, step: number } | null} [parent] Of a fork: the run that it goes on from, and how many steps both have in common.
 * @property {string | null} unkept Why it would not outlive the server, if it would not.
 * @property {boolean} silent Whether its worker says nothing, and may soon be given up.
 * @property {Record<string, string>} obstacles The panels that would show nothing of it, each with what it needs, in words.
 * @property {Record<string, { code: string, message: string }>} [failed_views] Kinds of frames that cannot be made, and why.
 * @property {number | null} [pictures_s] Seconds between two pictures of the network, about, while they are fewer than usual.
 * @property {*} search What a search tries and has found (docs/protocol.md, Searches); `null` if this is none.
 */

/**
 * One connection to a run, whatever it is made of. It is open once it brings `hello`.
 * @typedef {object} Link
 * @property {(message: Record<string, *>) => void} send
 * @property {() => void} close
 */

/**
 * What a link brings.
 * @typedef {object} LinkEvents
 * @property {(message: *) => void} onMessage
 * @property {(bytes: ArrayBuffer) => void} onFrame
 * @property {(end: { code: number, message: string }) => void} onClosed The close code of protocol.md, and the server's
 *   reason where it gave one.
 */

/**
 * @typedef {object} Connection
 * @property {"connecting" | "live" | "reconnecting" | "ended" | "failed"} status
 * @property {string} message What to show beside the state; may be empty.
 * @property {number | null} retryInMs Until the next attempt, when `reconnecting`.
 * @property {"websocket" | "http"} [by] What it is made of, when `live`.
 */

/** @typedef {{ kind: "error" | "info", text: string }} Notice */

/**
 * What was fetched of the step that is looked back to.
 * @typedef {object} Past
 * @property {import("./state/ring.js").StepRing | null} film Masks of the steps around it.
 * @property {number | null} step Whose pictures are shown; `null`: those of the newest step.
 * @property {Frame | null} graph Of that step.
 * @property {{ ensemble: Frame | null, boundary: Frame | null } | null} live What is shown again in the present.
 * @property {"idle" | "fetching" | "failed"} status
 * @property {string} message Why it failed.
 */

/**
 * The run that a fork goes on from, as it was when the page asked.
 * @typedef {object} Before
 * @property {string} run Of the fork.
 * @property {number} step Steps that both have in common.
 * @property {number[]} steps Of its evaluations behind that.
 * @property {(number | null)[][]} val_loss At each of these, of each lane.
 */

/**
 * What `store.state` holds.
 * @typedef {object} State
 * @property {Schema | null} schema
 * @property {Connection} connection
 * @property {Run | null} run
 * @property {Before | null} before Of a fork: the run that it goes on from, as far as it is known.
 * @property {"owner" | "viewer" | null} role
 * @property {Frame | null} data
 * @property {import("./state/ring.js").StepRing} steps
 * @property {import("./state/columns.js").Columns<"loss">} losses
 * @property {import("./state/columns.js").Columns<ScoreName>} scores
 * @property {Frame | null} graph
 * @property {Map<number, Frame>} graphs The last 128 graph frames by step.
 * @property {Frame | null} ensemble
 * @property {Frame | null} boundary
 * @property {Record<string, Frame>} insights The newest frame of each view that is open (docs/protocol.md, Views).
 * @property {Record<string, Frame[]>} trails Of each such view its frames so far, oldest first, at most 256, without
 *   tensors of more than 1,024 bytes.
 * @property {Experiment | null} experiment The experiment whose page this is, or that the run watched belongs to.
 * @property {Experiment[]} experiments Those that the page knows: its own, and all once another was needed.
 * @property {boolean} revealed Whether the answer of the experiment, or exercise, may be seen: a guess was made, or none is wanted.
 * @property {Exercise | null} exercise The teacher’s exercise in the address.
 * @property {number | null} answer Which of its choices was taken.
 * @property {string[]} open The views of `OPENABLE` that are open (`panels.js`).
 * @property {number | null} cursor The step scrubbed back to; `null`: live.
 * @property {Past} past
 * @property {"light" | "dark"} theme
 * @property {Notice | null} notice The last one.
 * @property {Notice[]} unread Those that the page has not shown yet, for two may come between two frames.
 * @property {import("./state/draft.js").Draft} draft What a new run would have otherwise.
 * @property {Record<string, Table>} tables Uploaded tables that this page knows, by id.
 */

/** @typedef {"train_loss" | "val_loss" | "train_accuracy" | "val_accuracy"} ScoreName */

/**
 * @typedef {"schema" | "connection" | "run" | "data" | "steps" | "scores" | "graph" | "ensemble" | "boundary"
 *   | "insights" | "experiment" | "exercise" | "open" | "cursor" | "theme" | "notice" | "draft" | "tables"} Topic
 */

/**
 * @typedef {object} Store
 * @property {State} state
 * @property {(topics: Iterable<Topic>, listener: (changed: Set<Topic>) => void) => () => void} subscribe
 *   Answers a function that unsubscribes.
 * @property {(topic: Topic, patch?: Partial<State>) => void} update
 */

/**
 * What a view may ask for. Commands answer the step from which they are in force; one that was refused shows a notice and
 * answers `null`, but `set` rejects as well, so that its control can go back.
 * @typedef {object} Actions
 * @property {() => Promise<number | null>} play
 * @property {() => Promise<number | null>} pause
 * @property {(count?: number) => Promise<number | null>} step
 * @property {(stepsPerSecond: number | null) => Promise<number | null>} speed
 * @property {(lane: number | null, knobs: Record<string, *>) => Promise<number | null>} set
 * @property {(follow: { lane?: number, example?: number }) => Promise<number | null>} follow
 * @property {() => Promise<number | null>} reset
 * @property {(config: Partial<Config>, extra?: { experiment?: string | null, stop_at?: number | null,
 *   search?: object | null, follow?: { lane?: number, example?: number } | null, changes?: Change[] }) => Promise<void>} newRun
 * @property {(file: Blob, name: string, decisions: Decisions) => Promise<Table>} upload Rejects with the server's words.
 * @property {(id: string, decisions: Decisions) => Promise<Table>} readAgain The file of a table, as a reader decided; likewise.
 * @property {(id: string) => Promise<Table | null>} table What the server made of a table, if it still has it.
 * @property {(file: Blob) => Promise<void>} openRecord A run that was saved, as a new run; rejects with the server’s words.
 * @property {(answer: number) => void} answer Answer the exercise with one of its choices.
 * @property {(lane: number, framework: string) => Promise<Code>} code Rejects with the server's words.
 * @property {(views: string[]) => void} views Which views of the server this page has open.
 * @property {(ensemble: { members?: number, masks?: string }) => Promise<number | null>} ensemble
 * @property {(x: number[][], lane?: number) => Promise<Answer>} ask Lets sub-networks vote; rejects with the server’s words.
 * @property {(step: number | null) => void} scrub
 * @property {(step: number) => Promise<void>} fork Go on from a step of this run with another one.
 * @property {() => Promise<void>} undo Go on from before the last change of a knob.
 * @property {(kind: "error" | "info", text: string) => void} notify
 */

/**
 * What sub-networks said of a viewer's own examples.
 * @typedef {object} Answer
 * @property {number} step
 * @property {number} lane
 * @property {number[][][]} votes (examples, members, classes)
 * @property {number[][]} average (examples, classes)
 * @property {number[][]} whole (examples, classes), of the whole network in evaluation mode
 * @property {number[]} entropy nats
 * @property {number[]} information nats
 */

/**
 * One experiment, as `GET /api/experiments` lists them (trainer/presets/preset.py).
 * @typedef {object} Experiment
 * @property {number} number
 * @property {string} id
 * @property {string} title
 * @property {string} question
 * @property {string} look
 * @property {number} steps
 * @property {{ text: string, measure: string, best: "least" | "greatest", lanes: number[] } | null} guess
 * @property {{ kind: "curve" | "bars" | "gain" | "thresholds", measure: string, title: string, x: number[], x_label: string,
 *   series: number[][] } | null} picture
 * @property {string[]} panels
 * @property {number | null} speed
 * @property {string} admits
 * @property {string} source
 * @property {Record<string, *> | null} search
 * @property {number | null} [follow] The network that is followed at first.
 * @property {Config} config
 * @property {Elsewhere[]} [expected] What it came to with other seeds.
 */

/**
 * A word of the glossary (docs/protocol.md).
 * @typedef {object} Term
 * @property {string} id Its name in addresses: `glossary#term-dropout-rate`.
 * @property {string} term As it is written in the middle of a sentence.
 * @property {string[]} also Other names for the same.
 * @property {string[]} forms Other forms of all these words, such as the plural.
 * @property {string} meaning
 * @property {string} more A sentence more, or nothing.
 * @property {string[]} source Where the meaning is from.
 * @property {string[]} see Ids of terms that are close to it.
 * @property {{ path: string, title: string }[]} met Pages that are about it, from the lab on.
 */

/**
 * One figure of an experiment with other seeds: the value of each, the mean of plain PyTorch on the same splits, and whether the
 * lab and that agree, seed by seed (trainer/presets/seeds.py).
 * @typedef {object} Elsewhere
 * @property {string} id
 * @property {string} label
 * @property {string} unit
 * @property {number[]} seeds
 * @property {number[]} values In the order of the seeds.
 * @property {{ mean: number, seeds: number } | null} reference
 * @property {{ word: "inside" | "outside" | "not measured" | "no reference", pairs: number, difference: number | null,
 *   error: number | null, p: number | null }} judged
 * @property {string} [note]
 */

/**
 * A teacher’s exercise, as an address has it (model/exercise.js).
 * @typedef {object} Exercise
 * @property {string} title
 * @property {string} question
 * @property {string[]} choices
 * @property {number | null} right The number of the right choice, if one is.
 * @property {string} after A text that is shown with the answer; may be empty.
 * @property {boolean} first Whether an answer is chosen before the run starts.
 * @property {{ run: string[], lane: string[] }} knobs Those that may be moved.
 * @property {string[]} panels Those that are open; none: as the page has them by itself.
 */

/**
 * A table of numbers that can be saved as CSV.
 * @typedef {{ name: string, columns: string[], rows: (string | number)[][] }} DataTable
 */

/** A script that trains a lane, and where it can be downloaded. @typedef {{ text: string, download: string }} Code */

/**
 * @typedef {object} View
 * @property {(changed: Set<Topic>) => void} update
 * @property {() => void} resize
 * @property {() => void} destroy
 * @property {() => Promise<Blob | null>} [picture] What is drawn, as a PNG; `null` while there is nothing.
 * @property {() => DataTable | null} [table] The numbers that are drawn; `null` while there are none.
 */

/** @typedef {{ document: Document, store: Store, actions: Actions }} ViewOptions */

/** How a room works (docs/rooms.md). @typedef {"follow" | "own" | "class"} RoomWay */

/** @typedef {"opening" | "playing" | "paused" | "lost" | "ended"} RoomRunState */

/** @typedef {{ id: string, name: string }} RoomPerson */

/**
 * A question that is open in a room.
 * @typedef {object} RoomQuestion
 * @property {number} id
 * @property {string} text
 * @property {string[]} choices
 * @property {"asked" | "shown" | "running" | "again" | "told"} phase
 * @property {number} answered How many have answered in this phase.
 * @property {number} of
 * @property {number[] | null} counts First answers by choice; `null` until they are shown.
 * @property {number[] | null} counts_again Second answers, likewise.
 * @property {number | null} truth The index of the right choice; `null`: nobody knows it, or it is not told yet.
 * @property {string} why
 */

/**
 * What everybody in a room gets.
 * @typedef {object} RoomTopic
 * @property {"room"} op
 * @property {number} n
 * @property {string} code
 * @property {RoomWay} way
 * @property {boolean} locked
 * @property {boolean} paused
 * @property {boolean} muted
 * @property {{ id: string, title: string } | null} experiment
 * @property {string} link
 * @property {boolean} only_here
 * @property {string[]} links
 * @property {{ joined: number, here: number, simulated: number, waiting: number }} students
 * @property {{ id: string, state: RoomRunState, step: number, speed: number | null } | null} run The host's.
 * @property {{ id: string, state: RoomRunState, step: number, speed: number | null, places: number,
 *   taken: number } | null} class_run
 * @property {RoomQuestion | null} question
 * @property {RoomPerson | null} knobs_of Who has the knobs of the host's run.
 * @property {RoomPerson | null} shown Whose run the projector shows.
 * @property {{ panel: string, step: number | null } | null} look What the host looks at.
 * @property {{ step: number, rates: number[], loss: number[], low: number[], high: number[], seeds: number } | null} known
 */

/** The knobs that a student turns; one that there is not is left out. @typedef {{ input?: number, hidden?: number, batch_norm?: boolean }} RoomKnobs */

/**
 * What a student gets of oneself.
 * @typedef {object} YouTopic
 * @property {"you"} op
 * @property {number} n
 * @property {string} id
 * @property {string} role
 * @property {string} name
 * @property {string | null} run
 * @property {number | null} lane
 * @property {number} began The step of the class run at which the own place began.
 * @property {RoomKnobs | null} knobs
 * @property {boolean} may_turn
 * @property {Record<string, [number | null, number | null]>} answers By question: the first answer and the second.
 */

/**
 * A student's own network, in the ways `own` and `class`.
 * @typedef {object} MineTopic
 * @property {"mine"} op
 * @property {number} n
 * @property {number} step
 * @property {RoomRunState} state
 * @property {number | null} loss Of the validation set.
 * @property {number | null} accuracy Likewise.
 * @property {number | null} train_loss Without dropout.
 * @property {string | null} gone
 * @property {number | null} [rank]
 * @property {number | null} [of]
 * @property {{ name: string, loss: number } | null} [best]
 * @property {{ loss: number | null, accuracy: number | null }} [without] In the way `own`, where the server tells it: the network without dropout.
 * @property {{ step: number[], loss: (number | null)[], train: (number | null)[], without?: (number | null)[] }} curve
 */

/** A network of a run that is followed. @typedef {{ name: string, hidden: number | null, loss: number | null, accuracy: number | null, train_loss: number | null }} FollowedNetwork */

/** Which neurons of a layer one training step kept. @typedef {{ name: string, units: number, kept: number[] }} MaskLayer */

/**
 * The host's run in the way `follow`, or a student's that is shown (`shown`, which has a `name`).
 * @typedef {object} FollowedTopic
 * @property {"followed" | "shown"} op
 * @property {number} n
 * @property {string} run
 * @property {string} [name] Whose it is, in `shown`.
 * @property {number} step
 * @property {RoomRunState} state
 * @property {FollowedNetwork[]} networks
 * @property {{ step: number[], loss: (number | null)[][] }} curve Validation losses, a list for each network.
 * @property {{ name: string, step: number, layers: MaskLayer[] } | null} mask
 */

/**
 * A place of the class run.
 * @typedef {object} RoomPlace
 * @property {number} lane
 * @property {string} id
 * @property {string} name
 * @property {boolean} simulated
 * @property {number} input
 * @property {number} hidden
 * @property {boolean} batch_norm
 * @property {number} began
 * @property {number | null} loss
 * @property {number | null} accuracy
 * @property {string | null} gone
 */

/** @typedef {{ op: "places", n: number, step: number, places: RoomPlace[] }} PlacesTopic */

/**
 * Validation losses of the class, a list for each lane of `lanes`; `null` before a lane began.
 * @typedef {{ op: "race", n: number, lanes: number[], step: number[], loss: (number | null)[][] }} RaceTopic
 */

/** @typedef {{ loss: number, accuracy: number }} RoomScore */

/**
 * The networks of a class, averaged, against the best of them.
 * @typedef {object} AverageTopic
 * @property {"average"} op
 * @property {number} n
 * @property {number} step
 * @property {number} networks
 * @property {RoomScore | null} average
 * @property {(RoomScore & { lane: number, name: string }) | null} best
 * @property {RoomScore | null} mean
 * @property {RoomScore | null} dropout
 */

/**
 * Somebody in a room, as the host sees them.
 * @typedef {object} RoomMember
 * @property {string} id
 * @property {string} name
 * @property {string} role
 * @property {boolean} here
 * @property {boolean} simulated
 * @property {number | null} lane
 * @property {string | null} run
 * @property {RoomRunState | null} state
 * @property {number | null} step
 * @property {number | null} hidden
 * @property {number | null} input
 * @property {number | null} loss
 * @property {number | null} accuracy
 * @property {boolean} answered Whether the question that is open has been answered.
 * @property {[number, number, number][]} lessons That were told: the lesson, how many right, of how many.
 * @property {number | null} latency_ms
 * @property {number | null} age_s
 * @property {boolean} reads Whether what was sent last has been seen.
 * @property {string | null} gone
 */

/** @typedef {{ op: "people", n: number, people: RoomMember[] }} PeopleTopic */

/**
 * @typedef {{ op: "curves", n: number, of: Record<string, { step: number[], loss: (number | null)[],
 *   train: (number | null)[] }> }} CurvesTopic
 */

/**
 * What a host can choose from.
 * @typedef {{ op: "offered", n: number, experiments: { id: string, title: string, group: string }[],
 *   questions: { key: string, text: string, choices: string[] }[] }} OfferedTopic
 */

/**
 * All topics of a room, by `op`.
 * @typedef {{ room: RoomTopic, you: YouTopic, mine: MineTopic, followed: FollowedTopic, shown: FollowedTopic,
 *   places: PlacesTopic, race: RaceTopic, average: AverageTopic, people: PeopleTopic, curves: CurvesTopic,
 *   offered: OfferedTopic }} RoomTopics
 */

/**
 * How the link to a room is.
 * @typedef {object} RoomLinkState
 * @property {"connecting" | "open" | "waiting" | "refused" | "ended"} status `waiting`: for the next attempt.
 * @property {string} message The server's words, or what is known without any; may be empty.
 * @property {number | null} code The close code, once there was one.
 * @property {number | null} retryInMs Until the next attempt, when `waiting`.
 */

/** What can be known of a room from outside. @typedef {{ code: string, locked: boolean, way: RoomWay, students: number, full: boolean }} RoomAbout */

/**
 * A module of a watched model.
 * @typedef {object} WatchedModule
 * @property {string} path As in `named_modules()`; empty is the model itself.
 * @property {string} type
 * @property {number} depth
 * @property {number} parameters
 * @property {boolean} training
 * @property {number[]} sites Their indices.
 */

/**
 * A place in a watched model that drops (docs/watching.md).
 * @typedef {object} WatchedSite
 * @property {number} index
 * @property {string} path
 * @property {number} call
 * @property {string} name
 * @property {string} kind
 * @property {string} of What one bit stands for: `units`, `channels`, …
 * @property {number | null} rate `null`: not known.
 * @property {boolean | null} training
 * @property {number} units How many of a row are sent.
 * @property {number[] | null} shape Of the whole mask.
 * @property {boolean} available
 * @property {string | null} reason
 * @property {boolean} settable
 * @property {boolean} off
 * @property {string | null} where
 */

/** @typedef {"train_loss" | "val_loss" | "train_accuracy" | "val_accuracy" | "other"} SeriesRole */

/** @typedef {{ name: string, role: SeriesRole }} WatchedSeries */

/**
 * @typedef {object} WatchedModel
 * @property {string} name
 * @property {string} type
 * @property {number} parameters
 * @property {string | null} device
 * @property {string | null} torch
 * @property {WatchedModule[]} tree
 * @property {number} cut How many modules were left out.
 * @property {WatchedSite[]} sites
 * @property {WatchedSeries[]} series
 * @property {number} val How many examples there are to vote on.
 */

/**
 * @typedef {object} WatchState
 * @property {number} step
 * @property {"training" | "paused" | "ended" | "failed"} state
 * @property {number | null} steps_per_second
 * @property {number} passes
 * @property {number} sampled
 * @property {number | null} every
 * @property {number | null} cost A share.
 * @property {number} lost
 * @property {"step" | "optimizer" | "backward"} mode
 * @property {boolean} voting
 * @property {string | null} vote_problem
 */

/** @typedef {{ id: string, kind: string, step: number, count: number, where: string | null, text: string }} WatchWarning */

/**
 * @typedef {{ step: number, site: number, path: string, name: string, knob: "rate" | "off", from: *, to: * }} WatchChange
 */

/**
 * A watch as the server has it.
 * @typedef {object} Watch
 * @property {string} id
 * @property {string} name
 * @property {boolean} control
 * @property {boolean} fed
 * @property {number} opened_at
 * @property {number} viewers
 * @property {WatchedModel | null} model
 * @property {WatchState | null} state
 * @property {WatchWarning[]} warnings
 * @property {WatchChange[]} changes
 * @property {string} code
 */

/**
 * How the link to a watch is.
 * @typedef {object} WatchLinkState
 * @property {"connecting" | "open" | "waiting" | "refused"} status `waiting`: for the next attempt.
 * @property {string} message
 * @property {number | null} code The close code, once there was one.
 */

/** The mask of one site in one sampled pass. @typedef {{ step: number, mask: Uint8Array, used: number, kept: number,
 *   size: number, rate: number, flags: number }} SiteRow */

/**
 * What is known of a site over all sampled passes so far.
 * @typedef {object} SiteSummary
 * @property {number} samples
 * @property {Uint32Array} dropped
 * @property {number} expected
 * @property {Uint32Array | null} silent `null`: activations were not seen.
 * @property {number} mean
 * @property {number} deviation
 * @property {number} zero
 * @property {Float32Array | null} edges
 * @property {Uint32Array | null} histogram
 */

export {};

/**
 * A number that a lesson quotes: its name, what it takes, and how it is written (app/lessons/facts.py).
 * @typedef {{ name: string, args: (number | string)[], format: string }} FactCall
 */

/** A number, or a fact, times something. @typedef {Partial<FactCall> & { number?: number, times?: number }} Operand */

/** @typedef {{ left: Operand, operator: "<" | ">" | "<=" | ">=" | "=" | "!=", right: Operand }} Comparison */

/**
 * A piece of a lesson's text (app/lessons/texts.py).
 * @typedef {string | { strong?: LessonInline[], em?: LessonInline[], code?: string, link?: string, inside?: LessonInline[],
 *   fact?: FactCall }} LessonInline
 */

/** @typedef {{ p?: LessonInline[], list?: LessonInline[][], ordered?: boolean, code?: string, language?: string }} LessonBlock */

/**
 * What the learner has done since a step of the lesson began, and what was predicted.
 * @typedef {object} LessonMarks
 * @property {number} step The update at which it began.
 * @property {number} example That was on the screen then.
 * @property {number} seen How many updates were looked at.
 * @property {boolean} lookedBack
 * @property {boolean} asked
 * @property {boolean} code Whether a network's script was opened.
 * @property {Record<string, number>} guesses
 */

/**
 * What "Do it for me" does; one of these.
 * @typedef {{ step?: number, play?: boolean, set?: { lane: number, knobs: Record<string, *> }, open?: string[], look_back?: number,
 *   example?: number, lane?: number, code?: boolean }} LessonAct
 */

/**
 * @typedef {object} LessonStep
 * @property {string} id
 * @property {"say" | "predict" | "before" | "question" | "end"} kind
 * @property {string} at
 * @property {LessonBlock[]} text
 * @property {LessonBlock[]} do
 * @property {Comparison[]} until
 * @property {LessonAct | null} act
 * @property {LessonBlock[]} then
 * @property {{ name: string, when: Comparison[], text: LessonBlock[] }[]} variants
 * @property {LessonInline[][]} choices
 * @property {string | null} question
 * @property {string[]} opens
 * @property {Config | null} starts
 * @property {object | null} search What the run that begins with it tries, if it is a search.
 * @property {number | null} speed 0: as fast as it goes.
 * @property {number | null} follow
 * @property {boolean} pauses
 * @property {number} reached
 */

/**
 * @typedef {object} LessonQuestion
 * @property {string} id
 * @property {"choice" | "number"} kind
 * @property {LessonBlock[]} text
 * @property {LessonInline[][]} choices
 * @property {number | Operand} right
 * @property {number} within
 * @property {string} format
 * @property {{ right: LessonBlock[], wrong: LessonBlock[] }} told
 */

/**
 * One lesson, as its page brings it along (app/lessons/course.py).
 * @typedef {object} Lesson
 * @property {number} number
 * @property {string} slug
 * @property {string} title
 * @property {string} goal
 * @property {number} minutes
 * @property {string} before
 * @property {number | null} follow
 * @property {string[]} panels
 * @property {number | null} speed
 * @property {Config} config
 * @property {LessonBlock[]} different
 * @property {LessonStep[]} steps
 * @property {Record<string, LessonQuestion>} questions
 * @property {string} language
 * @property {number} of How many lessons there are.
 */
