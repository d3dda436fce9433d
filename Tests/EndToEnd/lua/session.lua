-- A program that lives through updates: it reads a command and an argument, a line each, and answers.
--
-- Both lines are read by one call, so that a process which waits for a command has a frame on its stack that goes on
-- to call the reader of lines once more, after whatever update came meanwhile.
io.stdout:setvbuf("full")

-- Pointers to functions taken before any update.
kept = { rep = string.rep, fmod = math.fmod, status = coroutine.status, pow = math.pow }
local count = 0

local function exists(path)
  local file = io.open(path)
  return file and file:close()
end

local commands = {}

function commands.probe() dofile("probe.lua") end

function commands.state()
  count = count + 1
  print("count", count)
  dofile("state.lua")
end

function commands.load(rounds)
  local round = dofile("load.lua")
  for _ = 1, tonumber(rounds) do print("checksum", round()) end
end

-- Works without a pause until `path` exists.
function commands.churn(path)
  local round = dofile("load.lua")
  local first, rounds = round(), 1
  print("churning")
  io.stdout:flush()
  repeat
    assert(round() == first, "the checksum changed")
    rounds = rounds + 1
  until exists(path)
  print("rounds", rounds)
  print("checksum", first)
end

function commands.fail() error("ended as asked") end

-- Runs `command`; the interpreter's main loop is entered anew, and therefore in its newest body.
function answer(command, argument)
  local ok, message = pcall(commands[command], argument)
  if not ok then print("error", message) end
  print("#end")
  io.stdout:flush()
end

-- The frame of this loop is never left: what it does itself, the body of the main loop does that it started in.
function serve()
  for command, argument in function() return io.read("l", "l") end do
    if command == "fail" then commands.fail() end
    if command == "body" then
      debug.setmetatable(0, { __len = function() return "base" end })
      local n = 7
      print("body", #n)
      debug.setmetatable(0, nil)
      print("#end")
      io.stdout:flush()
    else
      answer(command, argument)
    end
  end
end

if arg[1] ~= "prompt" then serve() end
