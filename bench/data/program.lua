-- Numeric loops, tables, closures and strings for a tracing just-in-time compiler.
local function fib(n) return n < 2 and n or fib(n - 1) + fib(n - 2) end
local function sieve(n)
    local t, c = {}, 0
    for i = 2, n do t[i] = true end
    for i = 2, n do
        if t[i] then
            c = c + 1
            for j = i * i, n, i do t[j] = false end
        end
    end
    return c
end
local function mandel(n)
    local total = 0
    for y = 0, n - 1 do
        for x = 0, n - 1 do
            local cr, ci, zr, zi, k = 3 * x / n - 2, 2 * y / n - 1, 0, 0, 0
            while k < 60 and zr * zr + zi * zi < 4 do
                zr, zi, k = zr * zr - zi * zi + cr, 2 * zr * zi + ci, k + 1
            end
            total = total + k
        end
    end
    return total
end
local parts, count = {}, {}
local x = 1
for i = 1, 200000 do
    x = (x * 16807) % 2147483647
    local w = "w" .. x % 997
    count[w] = (count[w] or 0) + 1
    if i % 50 == 0 then parts[#parts + 1] = w:upper():rep(2) end
end
local most = 0
for _, n in pairs(count) do most = math.max(most, n) end
print(fib(31), sieve(2000000), mandel(300), #table.concat(parts, ","), most)
