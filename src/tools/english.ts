/** Words that say nothing about what is wanted. "about" is none of them: what follows it is a subject to search for. */
export const stopWords: ReadonlySet<string> = new Set(
  `
an the of to in on for with at by from as is are was were be been being am do does did done have has had having will
would could should shall can may might must me my mine we us our you your yours he she his her him it its they them
their this that these those there here who whom which what when where why how and or but if then than so not no nor
too very just also only both each either such please kindly like want wants need needs help let lets re ve ll im id
ive don hello hi hey thanks thank okay ok sure into onto over up out off own same some any all more most other another
one again once while during before after between because until through using use used via per within without based
given
`
    .trim()
    .split(/\s+/),
);

/**
 * Words that mean nearly the same when somebody asks a program for something, a group to a line; a word may stand in several. General
 * English; the groups work in both directions and are not joined where they share a word.
 */
export const synonymGroups: readonly (readonly string[])[] = `
get fetch retrieve obtain read load pull gather collect acquire
show display view see print look peek glimpse glance inspect reveal
list enumerate show browse
read open view content
find search locate lookup seek hunt discover query
search find seek google
search web internet online
news headline latest recent trending
news web search internet
about search query
latest search web
latest newest recent current today
create make add new generate build produce construct prepare
create draft compose write author
add append insert attach put include
insert embed place
write save store record jot note output
save store persist keep export
delete remove erase drop discard clear destroy eliminate wipe trash
update edit modify change alter revise adjust amend
set configure assign specify adjust define
replace substitute swap
rename name retitle
copy duplicate replicate clone backup
move transfer relocate shift migrate drag
send dispatch deliver forward transmit email
post publish share submit tweet broadcast
reply respond answer comment
message chat dm communication
notify alert inform warn remind
file document
folder directory
directory path location
navigate go visit browse open
cd enter navigate change
compare diff difference distinction contrast disparity discrepancy
difference change
sort order arrange organize rank alphabetical
filter narrow restrict match
count total number amount
count length size
sum add total plus
subtract minus difference
multiply times product
divide ratio quotient split
average mean
maximum max highest largest greatest top
minimum min lowest smallest
calculate compute evaluate solve determine work
estimate approximate predict forecast
convert transform translate change
check verify validate confirm ensure test
analyze examine review study investigate assess inspect
summarize summary overview brief outline digest
explain describe detail
information info detail data about profile
status state condition health
start begin launch run initiate open activate
run execute invoke launch
stop end halt terminate cancel kill quit close
cancel abort revoke undo
close finish resolve complete end
pause suspend hold
restart reboot reload refresh
install setup add
deploy release publish ship
upload push import
download pull export fetch
import load ingest
login authenticate sign log access
logout signout exit
user account member person people customer
contact phone friend
password credential secret key
buy purchase order acquire shop
sell trade
pay payment charge bill invoice
price cost fee fare rate worth value quote
money fund cash balance budget
stock share equity ticker company symbol
stock market trade invest
currency exchange forex money
crypto cryptocurrency bitcoin coin token
book reserve reservation booking
flight plane airline airport fly travel
trip travel journey tour itinerary
hotel accommodation lodging stay room homestay
restaurant dining eat food
recipe cook dish meal food
ingredient recipe
weather forecast temperature climate rain
temperature heat cold warm
map location place geography
address location place
near nearby nearest closest around close
distance far length mile kilometer
route direction way path
drive car vehicle
tire wheel
fuel gas gasoline petrol tank
door window
time date clock now
date day calendar schedule
schedule appointment event meeting calendar
event meeting occurrence
remind reminder alarm
task todo job work
ticket issue bug problem
issue bug problem error defect
error exception failure fault crash
log history record
history past previous
comment note remark feedback annotation
label tag category
branch version
commit change revision
repository repo project codebase
code source program script
function method procedure
class type
merge combine join unite
pull request pr review
image picture photo pic screenshot
screenshot capture snapshot
video movie film clip
music song audio track sound
play stream listen watch
chart graph plot diagram visualize figure
table grid sheet spreadsheet
spreadsheet excel workbook sheet xlsx
presentation slide powerpoint ppt deck pptx
word docx document
pdf document
paper article research publication study arxiv
article page post
book novel author
page website site webpage url
url link website address
website site domain web
click press tap select push
type fill enter input
scroll swipe
select choose pick
hover mouse
button element control
element node selector
tab window
browser web page
text string content words
line row
column field attribute
field property attribute
format style layout
size dimension width height
color colour shade
percentage percent ratio proportion
area surface region
volume capacity
speed velocity fast
weight mass
number integer numeric value digit
random arbitrary
equation formula expression
probability chance likelihood odds
statistics stats metric
deviation variance
prime factor
convert unit
language translate translation
translate interpret
customer client
employee staff worker personnel
team group
doctor physician medical
patient medical health
disease illness condition
drug medicine medication treatment
gene dna protein genetic
court legal law case lawsuit
property house home estate apartment
school university college education
student pupil
game match play
player athlete
team club
score result point
win victory
artist painter musician
museum gallery exhibition
city town
country nation state
population people inhabitant
movie cinema theater show
ticket booking
package library dependency module npm
version release
server host machine
database db sql
query sql
table database
pod container cluster
container docker
service deployment
email mail
inbox mailbox
calendar event
phone call
support help assistance
insurance coverage policy
credit card
card payment
subscribe follow
unsubscribe unfollow
like favorite star
mention reference
hide conceal
hidden secret
lock secure
unlock open
engine motor
brake stop
light lamp headlight
permission access right
allow grant permit
deny refuse block
archive zip compress
extract unzip decompress
extract parse scrape
crawl scrape spider
encode encrypt
decode decrypt
debug troubleshoot diagnose
test check
format beautify pretty
lint check
first beginning head start
last end tail final
pattern regex term keyword
keyword term phrase
contain include mention feature
similar alike same
suggest recommend propose advise
recommendation suggestion advice
goal target objective
progress status
size space disk usage
usage consumption
memory ram
note memo
write fill populate
append add
`
  .trim()
  .split("\n")
  .map((line) => line.split(" "));
