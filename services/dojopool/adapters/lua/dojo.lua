#!lua name=dojo

-- What a partition's owner does to its keys, each in one step: claim it, forget it, write a batch.
--
-- A partition's state and how far its streams were read live in one hash: match id -> canonical bytes, and under names that
-- no match can have
--   @epoch      raised by every claim; a write must carry it
--   @owner      who claimed last, for people
--   @version    fold version of the states
--   @positions  {"region":[next offset, tick of the last mark]}: what compare-and-set compares, byte for byte
--   @marks      {"region":[offset of that mark, its time]}
--
-- Runs on Redis 7.0 and Valkey: no newer command. Keys that are not declared (the views) share the hash tag of those that are.

local PAIRS_MAX = 500       -- of one command: Lua's stack holds about 8000 values
local LENGTHS_MAX = 200     -- unpacked at a time, for the same reason
local CHANGES_KEPT = '10000'

-- {epoch, positions, marks, version}, false where nothing is stored.
local function head(state)
  return redis.call('HMGET', state, '@epoch', '@positions', '@marks', '@version')
end

local function reply(status, stored)
  return {status, stored[1], stored[2], stored[3], stored[4]}
end

-- A packed batch as a list of strings: their number, their lengths, then all of them without anything in between.
local function strings_of(packed)
  local count, place = struct.unpack('<I4', packed)
  local strings = {}
  local start = place + 4 * count
  for first = 1, count, LENGTHS_MAX do
    local here = math.min(LENGTHS_MAX, count - first + 1)
    local lengths = {struct.unpack('<' .. string.rep('I4', here), packed, place)}
    place = place + 4 * here
    for i = 1, here do
      local stop = start + lengths[i]
      strings[first + i - 1] = string.sub(packed, start, stop - 1)
      start = stop
    end
  end
  return strings
end

-- The lists of field names, by their number, with room for a value behind each name; and the place behind them.
local function shapes_of(batch, place, count)
  local shapes = {}
  for number = 1, count do
    local names = tonumber(batch[place])
    local shape = {}
    for field = 1, names do
      shape[2 * field - 1], shape[2 * field] = batch[place + field], ''
    end
    shapes[tostring(number)] = shape
    place = place + 1 + names
  end
  return shapes, place
end

-- Call `command key` with all pairs of the list, in pieces that fit the stack.
local function call_with_pairs(command, key, list, length)
  for from = 1, length, 2 * PAIRS_MAX do
    redis.call(command, key, unpack(list, from, math.min(from + 2 * PAIRS_MAX - 1, length)))
  end
end

-- Raise the epoch, name the owner, return what is stored. The epoch is at least the time in microseconds, so that it is new
-- even when the store has lost the last claims in a failover: two owners never hold the same one.
redis.register_function('dojo_claim', function(keys, args)
  local now = redis.call('TIME')
  local at_least = now[1] * 1000000 + now[2]
  local stored = tonumber(redis.call('HGET', keys[1], '@epoch') or '0')
  local epoch = string.format('%.0f', math.max(stored + 1, at_least))
  redis.call('HSET', keys[1], '@epoch', epoch, '@owner', args[1])
  return reply('CLAIMED', head(keys[1]))
end)

-- Forget everything of the partition but its epoch and owner; views stay readable.
redis.register_function('dojo_reset', function(keys, args)
  local kept = redis.call('HMGET', keys[1], '@epoch', '@owner')
  if kept[1] ~= args[1] then
    return 0
  end
  redis.call('UNLINK', keys[1])
  redis.call('HSET', keys[1], '@epoch', kept[1], '@owner', kept[2])
  return 1
end)

-- Why the batch may not be written now, or nil.
local function refusal(stored, epoch, expected, positions)
  if stored[1] ~= epoch then
    -- A lower or missing epoch was not claimed by another: the store lost our claim, and what came after it.
    return tonumber(stored[1] or '0') > tonumber(epoch) and 'FENCED' or 'MOVED'
  end
  local now = stored[2] or ''
  if now == positions then
    return 'ALREADY_STORED'
  end
  return now ~= expected and 'MOVED' or nil
end

-- Apply one batch or nothing of it. keys: state, matches, changes. args: what `redis_batch.py` packs, prefix of view keys.
redis.register_function('dojo_write', function(keys, args)
  local state, matches, changes = keys[1], keys[2], keys[3]
  local batch = strings_of(args[1])
  local epoch, version, expected, positions, marks, at, ids, changed, shapes_used = unpack(batch, 1, 9)
  local stored = head(state)
  local refused = refusal(stored, epoch, expected, positions)
  if refused then
    return reply(refused, stored)
  end

  local shapes, place = shapes_of(batch, 10, tonumber(shapes_used))
  local states, scores = {}, {}
  for i = 1, tonumber(changed) do
    local id, shape = batch[place], shapes[batch[place + 2]]
    states[2 * i - 1], states[2 * i] = id, batch[place + 1]
    scores[2 * i - 1], scores[2 * i] = at, id
    for field = 1, #shape / 2 do
      shape[2 * field] = batch[place + 2 + field]
    end
    call_with_pairs('HSET', args[2] .. id, shape, #shape)
    place = place + 3 + #shape / 2
  end
  call_with_pairs('HSET', state, states, #states)
  call_with_pairs('ZADD', matches, scores, #scores)
  if #states > 0 then
    redis.call('XADD', changes, 'MAXLEN', '~', CHANGES_KEPT, '*', 'matches', ids)
  end
  redis.call('HSET', state, '@positions', positions, '@marks', marks, '@version', version)
  return reply('APPLIED', {epoch, positions, marks, version})
end)
